import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Result } from "../src/eval/results.ts"
import { waitUntil } from "../src/lib/clock.ts"
import type { Lab } from "../src/lab/lab.ts"
import { openLab } from "../src/lab/open.ts"
import { type Monitor, startMonitor } from "../src/monitor/watch.ts"
import { getLab } from "../src/store/labs.ts"
import { openStore, type Store } from "../src/store/open.ts"
import { listTickets } from "../src/store/tickets.ts"
import { labelled } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { type Home, makeHome } from "./support/operator.ts"
import { docker } from "./support/real-prometheus.ts"

/** Its images are built from packages when this machine does not have them yet. */
setDefaultTimeout(600_000)

const COMPOSE = join(import.meta.dir, "..", "compose")
/** Of this run alone, so that the program under test builds it. */
const IMAGE = `ratelimiter-test-${process.pid}`
const SEEN = { timeout_ms: 60_000, every_ms: 100 }

describe.skipIf(WITHOUT_ENGINE)("the rate limiter in containers", () => {
  let home: Home
  let store: Store
  let lab: Lab
  let monitor: Monitor

  beforeAll(async () => {
    home = makeHome()
    mkdirSync(join(home.dir, "compose"))
    for (const folder of ["ratelimiter", "prometheus"])
      cpSync(join(COMPOSE, folder), join(home.dir, "compose", folder), { recursive: true })
    const subject = readFileSync(join(COMPOSE, "ratelimiter.yaml"), "utf8")
    writeFileSync(
      join(home.dir, "compose", "ratelimiter.yaml"),
      subject.replace("image: ratelimiter\n", `image: ${IMAGE}\n`),
    )
    const { stdout, stderr, exit_code } = await home.run("up", "ratelimiter", "--platform", "docker")
    expect({ exit_code, stderr: exit_code === 0 ? "" : stderr }).toEqual({ exit_code: 0, stderr: "" })
    expect(stderr).toContain(`building the image ${IMAGE}:`)
    store = openStore(home.db)
    lab = await openLab(store, getLab(store, stdout.trim())!)
    monitor = await startMonitor(store, lab)
  })
  afterAll(async () => {
    await monitor?.stop()
    store?.close()
    if (lab) await home.run("down", lab.id)
    const residue = [...home.residue(), ...(lab ? labelled(lab.id) : [])]
    await home.remove()
    const image = docker("image", "ls", "--quiet", IMAGE).text
    if (image !== "") docker("image", "rm", "--force", image)
    expect(residue).toEqual([])
  })

  const container = (service: string) => `${lab.id}-${service}-1`
  const tickets = (state: string) =>
    listTickets(store, { lab: lab.id }).flatMap((one) =>
      one.kind === "violated" && one.state === state ? [one.invariant] : [],
    )
  const isWell = () => waitUntil(() => monitor.failing().length === 0, SEEN)
  const isSeen = (invariants: string[], state: string) =>
    waitUntil(() => invariants.every((name) => tickets(state).includes(name)), SEEN)

  test("has an executable of its own, in which there is nothing of operator's", async () => {
    const words = (...found: string[]) => ["-a", "-c", "-F", ...found.flatMap((word) => ["-e", word])]
    const grep = (...found: string[]) =>
      docker("exec", container("limiter-a"), "grep", ...words(...found), "/usr/local/bin/ratelimiter").text
    expect(Number(grep("A distributed rate limiter"))).toBeGreaterThan(0)
    expect(grep("x-operator", "node_kill", "false_page", "noticed_by", "operator.db", "ANTHROPIC_API_KEY")).toBe("0")
  })

  test("is well by every gate, and by what Prometheus knows of its nodes", async () => {
    expect(await isWell()).toBe(true)
    const about = async (expression: string) => {
      const url = `${lab.resolve("http://prometheus:9090/api/v1/query")}?${new URLSearchParams({ query: expression }).toString()}`
      const { data } = (await (await fetch(url)).json()) as { data: { result: { value: [number, string] }[] } }
      return data.result.map(({ value }) => Number(value[1]))
    }
    const allowed = () => about('sum(ratelimiter_checks_total{decision="allowed"})')
    expect(await waitUntil(async () => ((await allowed())[0] ?? 0) > 0, SEEN)).toBe(true)
    expect(await about("count(ratelimiter_heartbeat_timestamp_seconds > 0)")).toEqual([3])
  })

  test("misses its store, and finds it again at another address", async () => {
    expect(await isWell()).toBe(true)
    const address = () =>
      docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container("redis")).text
    const before = address()
    docker("kill", container("redis"))
    const run = ["run", "--detach", "--label", `lab=${lab.id}`, "--network", `${lab.id}_default`, "debian:trixie-slim"]
    const squatter = docker(...run, "sleep", "600").text
    try {
      expect(await isSeen(["node_running", "store_unreachable", "store_errors"], "open")).toBe(true)
      docker("start", container("redis"))
      expect(address()).not.toBe(before)
      expect(await isWell()).toBe(true)
      expect(await isSeen(["store_unreachable"], "resolved")).toBe(true)
    } finally {
      docker("rm", "--force", squatter)
    }
  })

  test("is repaired by a recount from the kitchen, and by nobody who does nothing", async () => {
    const variants = ["--variant", "oracle", "--variant", "do-nothing", "--parallel", "2"]
    const limits = ["--stable", "2s", "--verify", "1s", "--grace", "1s", "--deadline", "40s", "--symptom-within", "20s"]
    const words = ["campaign", "--subject", "ratelimiter", "--fault", "counter_drift", "--platform", "docker"]
    const { stdout, stderr, exit_code } = await home.run(...words, ...variants, ...limits, "--json")
    expect({ exit_code, stderr: exit_code === 0 ? "" : stderr }).toEqual({ exit_code: 0, stderr: "" })
    const { trials } = JSON.parse(stdout) as { trials: Result[] }
    const verdicts = Object.fromEntries(trials.map(({ variant, verdict }) => [variant, verdict]))
    expect(verdicts).toEqual({ oracle: "repaired", "do-nothing": "unrepaired" })
    const repaired = trials.find(({ variant }) => variant === "oracle")!
    expect(repaired.facts).toMatchObject({ lifted_by: "agent", harm: "none", confirmation: "confirmed" })
  })
})
