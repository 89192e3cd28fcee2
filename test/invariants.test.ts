import { Database } from "bun:sqlite"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import type { Guardian } from "../src/lab/guardian.ts"
import type { Lab } from "../src/lab/lab.ts"
import { findSubject } from "../src/lab/parse-subject.ts"
import { raiseLab } from "../src/lab/raise.ts"
import { type Monitor, startMonitor } from "../src/monitor/watch.ts"
import { openStore, type Store } from "../src/store/open.ts"
import { listTickets } from "../src/store/tickets.ts"
import { OPERATOR } from "./support/operator.ts"

/** Each invariant of the rate limiter is made to fire on the real service, and to be resolved again. */
const TIMEOUT_MS = 60_000
const SEEN_WITHIN_MS = 15_000

let dir: string
let store: Store
let lab: Lab
let guardian: Guardian
let monitor: Monitor
beforeAll(async () => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "operator-test-")))
  store = openStore(join(dir, "operator.db"))
  const subject = await findSubject("compose/ratelimiter.yaml")
  ;({ lab, guardian } = await raiseLab(store, subject, {
    trial: null,
    deadline_ms: 300_000,
    guardian: [...OPERATOR, "part", "guardian"],
  }))
  monitor = await startMonitor(store, lab)
  await untilHealthy()
}, TIMEOUT_MS)
afterAll(async () => {
  await monitor.stop()
  await lab.destroy()
  await guardian.goodbye()
  store.close()
  rmSync(dir, { recursive: true, force: true })
})

/** The built-in gate `slo` has no workload to watch here. */
const healthy = () => monitor.failing().every((gate) => gate.startsWith("slo"))

async function untilHealthy(): Promise<void> {
  if (await waitUntil(healthy, { timeout_ms: 30_000, every_ms: 50 })) return
  expect(monitor.failing()).toEqual([])
}

async function ticket(invariant: string, state: string): Promise<void> {
  const there = () =>
    listTickets(store, { lab: lab.id }).some(
      (one) => one.invariant === invariant && one.kind === "violated" && one.state === state,
    )
  if (await waitUntil(there, { timeout_ms: SEEN_WITHIN_MS, every_ms: 20 })) return
  expect(listTickets(store, { lab: lab.id }).map(({ invariant, state }) => `${invariant} ${state}`)).toContain(
    `${invariant} ${state}`,
  )
}

const post = (node: string, path: string, method: string, body: unknown) =>
  fetch(lab.resolve(`http://${node}:8080${path}`)!, { method, body: JSON.stringify(body) })

test(
  "node_running and node_health see a killed node",
  async () => {
    await lab.signal((await lab.nodes())[1]!, "kill")
    await ticket("node_running", "open")
    await ticket("node_health", "open")
    await lab.start("limiter-b")
    await ticket("node_health", "resolved")
    await untilHealthy()
  },
  TIMEOUT_MS,
)

test(
  "store_unreachable and latency see a store that another process has locked",
  async () => {
    const thief = new Database(join(lab.dir, "store", "limits.db"))
    thief.run("pragma busy_timeout = 5000")
    thief.run("begin exclusive")
    try {
      await ticket("store_unreachable", "open")
      await ticket("latency", "open")
    } finally {
      thief.run("rollback")
      thief.close()
    }
    await ticket("store_unreachable", "resolved")
    await ticket("latency", "resolved")
    await untilHealthy()
  },
  TIMEOUT_MS,
)

test(
  "counter_drift sees counters that say more than the log holds, until somebody recounts",
  async () => {
    await post("limiter-a", "/check", "POST", { key: "somebody" })
    await lab.exec(`ratelimiter tamper --store "${lab.dir}/store/limits.db" --keys 1 --by 40`, { timeout_ms: 5_000 })
    await ticket("counter_drift", "open")
    await lab.exec(`ratelimiter recount --store "${lab.dir}/store/limits.db"`, { timeout_ms: 5_000 })
    await ticket("counter_drift", "resolved")
  },
  TIMEOUT_MS,
)

test(
  "ghost_allowing sees that more is allowed than the limit",
  async () => {
    await post("limiter-a", "/limits", "PUT", { prefix: "ghost-probe:", max: 1_000, window_ms: 10_000 })
    await ticket("ghost_allowing", "open")
    await post("limiter-a", "/limits", "PUT", { prefix: "ghost-probe:", max: 5, window_ms: 10_000 })
    await ticket("ghost_allowing", "resolved")
  },
  TIMEOUT_MS,
)
