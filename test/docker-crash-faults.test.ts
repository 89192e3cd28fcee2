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

const TRIO = `name: trio
services:
  a: &node { image: ${IMAGE}, init: true, command: [sleep, "600"] }
  b: *node
  c: *node
x-operator:
  ready: { stable: 100ms }
  groups: { trio: [a, b, c] }
  faults: { network_partition: { group: trio }, packet_loss: { group: trio }, process_hang: { group: trio } }
`
const FAULTS = ["network_partition", "packet_loss", "node_pause", "node_kill", "process_hang"]

const homes: Home[] = []
let home: Home
let lab: string

beforeAll(async () => {
  if (!WITHOUT_ENGINE) ({ home, lab } = await newLab())
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

/** What is left of any fault: a node that does not run or sleeps by a signal, or a rule in its network. */
async function left(): Promise<string[]> {
  const look = async (one: Awaited<ReturnType<typeof containersOf>>[number]) => {
    if (one.state !== "running") return [`${one.service} is ${one.state}`]
    const { stdout } = await help(lab, incarnation(one), "iptables -S | grep -v '^-P'; true", {
      ...{ share: "network", timeout_ms: 20_000 },
    })
    return stdout.split("\n").filter(Boolean)
  }
  const found = await Promise.all((await containersOf(lab)).map(look))
  await dismissHelpers(lab, "all")
  return found.flat()
}

async function isWell(): Promise<void> {
  const over = () => recorded(home, lab).every(({ phase }) => phase === "reverted" || phase === "void")
  expect({ over: await waitUntil(over, SOON), records: recorded(home, lab).at(-1) }).toMatchObject({ over: true })
  expect(await left()).toEqual([])
}

dockerTest(
  "whoever is killed while he injects or reverts is tidied up after by the guardian, whatever the fault",
  async () => {
    for (const fault of FAULTS) {
      const words = ["chaos", "inject", lab, fault, "--target", "a"]
      await killAt(home, lab, "injecting", ...words)
      // It was there already, when the look came late: then it is for its end to take it away.
      if ((await reaches(home, lab, "reverted", "void", "active")).phase === "active")
        await home.run("chaos", "revert", "--all")
      await isWell()
      expect({ fault, ...(await home.run(...words)) }).toMatchObject({ exit_code: 0 })
      expect({ fault, left: (await left()).length > 0 || fault === "process_hang" }).toEqual({ fault, left: true })
      await killAt(home, lab, "reverting", "chaos", "revert", "--all").catch(() => undefined)
      await isWell()
    }
  },
  TIMEOUT_MS,
)

dockerTest(
  "whoever is killed at a random moment of a fault that was to last a second leaves nothing",
  async () => {
    const random = seeded(Number(Bun.env.KILL_SEED ?? 20_261_121))
    for (let round = 0; round < 4; round++) {
      const child = home.start("chaos", "inject", lab, FAULTS[round % 2]!, "--for", "1s")
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
