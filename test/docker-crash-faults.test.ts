import { afterAll, beforeAll, expect } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import { seeded } from "../src/lib/random.ts"
import { containersOf, dismissHelpers, help, incarnation } from "../src/lab/platforms/docker/helper.ts"
import { dockerTest, IMAGE, labelled } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { forget, killAt, killGuardian, reaches, recorded } from "./support/faulted.ts"
import { type Home, makeHome } from "./support/operator.ts"

const TIMEOUT_MS = 300_000
const SOON = { timeout_ms: 60_000, every_ms: 20 }

/** `a` has what faults take away: room on a disk, memory, a file that it cannot do without. */
const TRIO = `name: trio
services:
  a: &node
    image: ${IMAGE}
    init: true
    command: [sh, -c, "[ -e /data/app.conf ] || echo good >/data/app.conf; grep -q good /data/app.conf && exec sleep 6000"]
    volumes: ["bounded:/data"]
    mem_limit: 96m
  b: { <<: *node, volumes: [], command: [sleep, "6000"] }
  c: { <<: *node, volumes: [], command: [sleep, "6000"] }
volumes:
  bounded: { driver_opts: { type: tmpfs, device: tmpfs, o: size=8m } }
x-operator:
  ready: { stable: 100ms }
  groups: { trio: [a, b, c] }
  faults: { ${["network_partition", "packet_loss", "connection_reset", "latency", "bandwidth"].map((name) => `${name}: { group: trio }`).join(", ")} }
`
/** Each with its parameters. */
const FAULTS: Record<string, string[]> = {
  network_partition: [],
  packet_loss: [],
  connection_reset: [],
  latency: ["delay_ms=50"],
  bandwidth: ["rate_kbit=500"],
  dns_failure: [],
  node_pause: [],
  node_kill: [],
  node_crash: [],
  process_hang: [],
  cpu_throttle: [],
  cpu_hog: ["workers=1"],
  memory_hog: ["mb=16"],
  disk_pressure: ["path=/data"],
  config_corrupt: ["path=/data/app.conf"],
  burst_traffic: ["port=9", "cpus=0.1"],
  combined: ["faults=[{fault: packet_loss, target: a}, {fault: node_pause, target: a}]"],
}

const homes: Home[] = []
let home: Home
let lab: string
let unbroken: string[]

beforeAll(async () => {
  if (WITHOUT_ENGINE) return
  ;({ home, lab } = await newLab())
  unbroken = await world()
}, TIMEOUT_MS)
afterAll(() => Promise.all(homes.map((one) => one.remove())), TIMEOUT_MS)

async function newLab(): Promise<{ home: Home; lab: string }> {
  const home = makeHome()
  homes.push(home)
  writeFileSync(join(home.dir, "trio.yaml"), TRIO)
  const { stdout, stderr, exit_code } = await home.run("up", "./trio.yaml")
  expect({ exit_code, stderr }).toMatchObject({ exit_code: 0 })
  return { home, lab: stdout.trim() }
}

/** Everything that a fault may change, as it is: of a lab without one it is always the same. */
async function world(): Promise<string[]> {
  const look = async (one: Awaited<ReturnType<typeof containersOf>>[number]) => {
    if (one.state !== "running") return [`${one.service} is ${one.state}`]
    const script = "iptables-save | grep '^-A' | grep -v 127.0.0.11; tc qdisc show | grep -v noqueue; true"
    const network = await help(lab, incarnation(one), script, { share: "network", timeout_ms: 20_000 })
    const inside = "cat /data/app.conf; find /data -type f 2>/dev/null; grep -l '^State:.[DTt]' /proc/[0-9]*/status"
    const asked = Bun.spawnSync(["docker", "exec", one.id, "sh", "-c", inside], { stderr: "ignore" })
    const processes = Bun.spawnSync(["docker", "top", one.id, "-o", "pid,args"]).stdout.toString().split("\n").slice(1)
    const limits = Bun.spawnSync([
      "docker",
      "inspect",
      "-f",
      "{{.HostConfig.CpuQuota}} {{.HostConfig.NanoCpus}}",
      one.id,
    ])
    return [
      network.stdout,
      asked.stdout.toString(),
      // Of a quota that was there, -1 is what remains.
      limits.stdout.toString().replace("-1", "0"),
      ...processes.map((line) => line.replace(/^\s*\d+\s+/, "")).sort(),
    ].map((line) => `${one.service}: ${line.trim()}`)
  }
  const found = await Promise.all((await containersOf(lab)).map(look))
  await dismissHelpers(lab, "all")
  return [...found.flat(), `${labelled(lab).length} containers, networks and volumes`]
}

async function isWell(): Promise<void> {
  const over = () => recorded(home, lab).every(({ phase }) => phase === "reverted" || phase === "void")
  expect({ over: await waitUntil(over, SOON), records: recorded(home, lab).at(-1) }).toMatchObject({ over: true })
  expect(await world()).toEqual(unbroken)
}

for (const [fault, params] of Object.entries(FAULTS)) {
  dockerTest(
    `whoever is killed while he injects or reverts ${fault} is tidied up after by the guardian`,
    async () => {
      const given = params.flatMap((one) => ["--param", one])
      const words = ["chaos", "inject", lab, fault, ...(fault === "combined" ? [] : ["--target", "a"]), ...given]
      await killAt(home, lab, "injecting", ...words)
      // It was there already, when the look came late: then it is for its end to take it away.
      if ((await reaches(home, lab, "reverted", "void", "active")).phase === "active")
        await home.run("chaos", "revert", "--all")
      await isWell()
      expect({ fault, ...(await home.run(...words)) }).toMatchObject({ exit_code: 0 })
      // That one cannot be seen from where this looks, and one has brought its node back already.
      if (fault !== "process_hang") expect(await world()).not.toEqual(unbroken)
      await killAt(home, lab, "reverting", "chaos", "revert", "--all").catch(() => undefined)
      await isWell()
    },
    TIMEOUT_MS,
  )
}

dockerTest(
  "whoever is killed at a random moment of a fault that was to last a second leaves nothing",
  async () => {
    const random = seeded(Number(Bun.env.KILL_SEED ?? 20_261_121))
    for (let round = 0; round < 4; round++) {
      const child = home.start("chaos", "inject", lab, Object.keys(FAULTS)[round % 2]!, "--for", "1s")
      await Promise.race([child.exited, Bun.sleep(random() * 3_000)])
      child.kill("SIGKILL")
      await child.exited
      await isWell()
    }
  },
  TIMEOUT_MS,
)

dockerTest(
  "when the guardian dies as well, the next start removes it all; with --force also when the store is deleted",
  async () => {
    for (const deleted of [false, true]) {
      const other = deleted ? await newLab() : { home, lab }
      await killAt(other.home, other.lab, "injecting", "chaos", "inject", other.lab, "network_partition")
      killGuardian(other.home, other.lab)
      if (deleted) forget(other.home)
      expect(labelled(other.lab).length).toBeGreaterThan(3)
      const swept = await other.home.run("chaos", "sweep", ...(deleted ? ["--force"] : []))
      expect(swept).toMatchObject({ exit_code: 0, stdout: `${other.lab}\n` })
      expect({ left: labelled(other.lab), residue: other.home.residue() }).toEqual({ left: [], residue: [] })
    }
  },
  TIMEOUT_MS,
)
