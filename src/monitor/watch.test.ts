import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type WatchedLab, watchedLab } from "../../test/support/watched-lab.ts"
import { waitUntil } from "../lib/clock.ts"
import { UsageError } from "../lib/errors.ts"
import { emptyHistogram } from "../lib/histogram.ts"
import { events, firstBreak } from "../store/events.ts"
import { getLab, markDestroyed } from "../store/labs.ts"
import { recordSamples } from "../store/samples.ts"
import { closeTicket, listTickets, openTicket, type Ticket } from "../store/tickets.ts"
import { holdsSince } from "./holds.ts"
import { HEARTBEAT_FRESH_MS } from "./lease.ts"
import { type Monitor, type MonitorOptions, startMonitor } from "./watch.ts"

setDefaultTimeout(30_000)

const HEALTH = { name: "health", each: "all", probe: { http: "http://{service}:8080/health" }, holds: "body.ok" }
const LOOK = { name: "look", probe: { exec: "cat seen" }, holds: "body.n = 0" }

interface Watched extends WatchedLab {
  monitor: Monitor
  tickets(invariant: string, node?: string): Ticket[]
}

/** A lab with the monitor on it, whose chain is checked in the end. */
async function watching(block: Record<string, unknown> = {}, options: MonitorOptions = {}): Promise<Watched> {
  const base = await watchedLab({ invariants: [HEALTH], ...block })
  base.file("seen", '{"n": 0}')
  const monitor = startMonitor(base.store, base.lab, { interval_ms: 50, ...options })
  const tickets = (invariant: string, node?: string) =>
    listTickets(base.store, { lab: base.lab.id }).filter(
      (ticket) => ticket.invariant === invariant && (node === undefined || ticket.node === node),
    )
  const end = async () => {
    await monitor.stop()
    const broken = firstBreak(base.store, base.lab.id)
    await base[Symbol.asyncDispose]()
    expect(broken).toBeUndefined()
  }
  return { ...base, monitor, tickets, [Symbol.asyncDispose]: end }
}

async function seen(condition: () => boolean): Promise<void> {
  expect(await waitUntil(condition, { timeout_ms: 10_000, every_ms: 5 })).toBe(true)
}

const holding = ({ monitor }: Watched) => seen(() => monitor.holdsSince() !== undefined)
const nodeNamed = ({ lab }: Watched, name: string) => lab.nodes().find((node) => node.name === name)!
const observations = ({ store, lab }: Watched, invariant: string, node: string) =>
  events(store, lab.id, { kinds: ["observation"] })
    .filter(({ body }) => body.invariant === invariant && body.node === node)
    .map(({ body }) => body.status)

describe("the monitor", () => {
  test("opens a ticket for what is violated, and resolves it when it has seen that it holds again", async () => {
    await using lab = await watching()
    await holding(lab)
    lab.answers("a", { body: { ok: false } })
    await seen(() => lab.tickets("health", "a")[0]?.state === "open")
    expect(lab.monitor.failing()).toEqual(["health a"])
    lab.answers("a", { body: { ok: true } })
    await seen(() => lab.tickets("health", "a")[0]?.state === "resolved")
    expect(lab.tickets("health")).toHaveLength(1)
    expect(observations(lab, "health", "a")).toEqual(["ok", "violated", "ok"])
    expect(observations(lab, "health", "b")).toEqual(["ok"])
  })

  test("has a ticket within 250 ms of a kill, and resolves it once the node runs again", async () => {
    await using lab = await watching({}, { interval_ms: 1_000 })
    await holding(lab)
    const killed_ms = lab.store.clock.mono_ms()
    await lab.lab.signal(nodeNamed(lab, "a"), "kill")
    await seen(() => lab.tickets("node_running", "a").length === 1 && lab.tickets("health", "a").length === 1)
    expect(lab.tickets("node_running", "a")[0]!.opened_ms - killed_ms).toBeLessThan(250)
    expect(lab.tickets("health", "a")[0]!.opened_ms - killed_ms).toBeLessThan(250)
    expect(lab.monitor.holdsSince()).toBeUndefined()
    await lab.lab.start("a")
    await seen(() => lab.tickets("node_running", "a")[0]?.state === "resolved")
    await holding(lab)
    const changes = events(lab.store, lab.lab.id, { kinds: ["node"] }).map(({ body }) => [body.node, body.state])
    expect(changes).toEqual([
      ["a", "exited"],
      ["a", "running"],
    ])
  })

  test("takes a node that is paused for one that does not run", async () => {
    await using lab = await watching({ invariants: [] })
    await holding(lab)
    await lab.lab.signal(nodeNamed(lab, "b"), "pause")
    await seen(() => lab.tickets("node_running", "b").length === 1)
    expect(lab.tickets("node_running", "b")[0]).toMatchObject({ observation: { reason: "the node is paused" } })
    await lab.lab.signal(nodeNamed(lab, "b"), "resume")
    await seen(() => lab.tickets("node_running", "b")[0]?.state === "resolved")
  })

  test("fails a gate at once, and opens its ticket when the violation has lasted for `for`", async () => {
    await using lab = await watching({ invariants: [{ ...HEALTH, for: "400ms" }] })
    await holding(lab)
    lab.answers("a", { body: { ok: false } })
    await seen(() => lab.monitor.holdsSince() === undefined)
    expect(lab.tickets("health")).toEqual([])
    await seen(() => lab.tickets("health").length === 1)
    const [violated] = events(lab.store, lab.lab.id, { kinds: ["observation"] }).filter(
      ({ body }) => body.status === "violated",
    )
    const waited_ms = lab.tickets("health")[0]!.opened_ms - violated!.mono_ms
    expect(waited_ms).toBeGreaterThanOrEqual(390)
  })

  test("that is blind neither opens nor resolves the violation's ticket, and opens one about itself", async () => {
    await using lab = await watching({ invariants: [LOOK] }, { unknown_after_ms: 400 })
    await holding(lab)
    lab.file("seen", '{"n": 3}')
    await seen(() => lab.tickets("look").length === 1)
    const blind = events(lab.store, lab.lab.id).length
    lab.file("seen", "")
    await seen(() => lab.tickets("look").length === 2)
    expect(events(lab.store, lab.lab.id, { after: blind }).map(({ kind }) => kind)).toEqual([
      "observation",
      "ticket.opened",
    ])
    expect(lab.tickets("look").map(({ kind, state }) => [kind, state])).toEqual([
      ["violated", "open"],
      ["unknown", "open"],
    ])
    lab.file("seen", '{"n": 2}')
    await seen(() => lab.tickets("look")[1]?.state === "resolved")
    expect(lab.tickets("look")[0]?.state).toBe("open")
    lab.file("seen", '{"n": 0}')
    await seen(() => lab.tickets("look")[0]?.state === "resolved")
    expect(observations(lab, "look", "lab")).toEqual(["ok", "violated", "unknown", "violated", "ok"])
  })

  test("makes one ticket of an invariant that flaps", async () => {
    await using lab = await watching()
    await holding(lab)
    for (let flap = 1; flap <= 4; flap++) {
      lab.answers("a", { body: { ok: false } })
      await seen(() => lab.tickets("health")[0]?.occurrences === flap && lab.tickets("health")[0]?.state === "open")
      lab.answers("a", { body: { ok: true } })
      await seen(() => lab.tickets("health")[0]?.state === "resolved")
    }
    expect(lab.tickets("health")).toHaveLength(1)
  })

  test("opens no second ticket for a violation whose ticket a person has closed, until it has ended", async () => {
    await using lab = await watching({ invariants: [LOOK] })
    lab.file("seen", '{"n": 1}')
    await seen(() => lab.tickets("look").length === 1)
    closeTicket(lab.store, lab.tickets("look")[0]!.id, "known")
    lab.file("seen", "") // Blind, to see that it looks again.
    await seen(() => observations(lab, "look", "lab").at(-1) === "unknown")
    lab.file("seen", '{"n": 1}')
    await seen(() => observations(lab, "look", "lab").at(-1) === "violated")
    expect(lab.tickets("look").map(({ state }) => state)).toEqual(["closed"])
  })

  test("opens a ticket for a notice without failing the lab", async () => {
    await using lab = await watching({ invariants: [{ ...LOOK, role: "notice" }] })
    lab.file("seen", '{"n": 1}')
    await seen(() => lab.tickets("look").length === 1)
    await holding(lab)
    expect(lab.tickets("look")[0]).toMatchObject({ role: "notice", state: "open" })
  })

  test("never looks twice at once", async () => {
    const probe = { exec: "echo start >>trace; sleep 0.12; echo end >>trace; echo {}" }
    await using lab = await watching({ invariants: [{ name: "slow", probe }] })
    const trace = () => readFileSync(join(lab.lab.dir, "trace"), "utf8").trim().split("\n")
    await holding(lab)
    await seen(() => trace().length >= 8)
    expect(trace().slice(0, 8)).toEqual(["start", "end", "start", "end", "start", "end", "start", "end"])
  })

  test("tells each change after it was written, until nobody listens", async () => {
    await using lab = await watching({ invariants: [LOOK] })
    await holding(lab)
    const told: string[] = []
    const unlisten = lab.monitor.onChange(({ invariant, was, observation, opened }) => {
      expect(lab.tickets("look").map(({ id }) => id)).toEqual(opened)
      told.push(`${invariant}: ${was} to ${observation.status}`)
    })
    lab.file("seen", '{"n": 1}')
    await seen(() => told.length === 1)
    unlisten()
    lab.file("seen", '{"n": 0}')
    await holding(lab)
    expect(told).toEqual(["look: ok to violated"])
  })

  test("says unknown of what it saw while its own host was late, and does not blame the lab", async () => {
    await using lab = await watching()
    await holding(lab)
    const before_ms = lab.monitor.holdsSince()!
    Bun.sleepSync(1_600)
    await seen(() => observations(lab, "health", "a").includes("unknown"))
    await seen(() => observations(lab, "node_running", "b").includes("unknown"))
    await holding(lab)
    expect(observations(lab, "health", "a")).not.toContain("violated")
    expect(lab.monitor.holdsSince()!).toBeGreaterThan(before_ms + 1_600)
    expect(listTickets(lab.store)).toEqual([])
  })
})

describe("holdsSince", () => {
  test("is undefined until every gate was observed, then the moment of the last one", async () => {
    await using lab = await watching({ invariants: [{ ...LOOK, probe: { exec: "sleep 0.2; cat seen" } }] })
    expect(lab.monitor.holdsSince()).toBeUndefined()
    expect(lab.monitor.failing()).toContain("look")
    await holding(lab)
    const since_ms = lab.monitor.holdsSince()!
    const [before, last] = events(lab.store, lab.lab.id, { kinds: ["observation"] }).slice(-2)
    expect(last!.body.invariant).toBe("look")
    expect(since_ms).toBeGreaterThan(before!.mono_ms)
    expect(since_ms).toBeLessThanOrEqual(last!.mono_ms)
    expect(lab.monitor.failing()).toEqual([])
  })

  test("is the same for another process, as an event too, and ends when a gate is unknown", async () => {
    await using lab = await watching({ invariants: [LOOK] })
    await holding(lab)
    const since_ms = lab.monitor.holdsSince()!
    expect(holdsSince(lab.store, lab.lab.id)).toBe(since_ms)
    lab.file("seen", "")
    await seen(() => lab.monitor.holdsSince() === undefined)
    expect(holdsSince(lab.store, lab.lab.id)).toBeUndefined()
    expect(events(lab.store, lab.lab.id, { kinds: ["gates"] }).map(({ body }) => body)).toEqual([
      { since_ms, failing: [] },
      { since_ms: null, failing: ["look"] },
    ])
    lab.file("seen", '{"n": 0}')
    await holding(lab)
    expect(lab.monitor.holdsSince()!).toBeGreaterThan(since_ms)
  })

  test("is undefined when the monitor is not heard of any more, and when it has stopped", async () => {
    await using lab = await watching({ invariants: [] })
    await holding(lab)
    const seen_ms = getLab(lab.store, lab.lab.id)!.monitor_seen_ms
    expect(holdsSince(lab.store, lab.lab.id, seen_ms + HEARTBEAT_FRESH_MS)).toBeDefined()
    expect(holdsSince(lab.store, lab.lab.id, seen_ms + HEARTBEAT_FRESH_MS + 1)).toBeUndefined()
    await lab.monitor.stop()
    expect(holdsSince(lab.store, lab.lab.id)).toBeUndefined()
    expect(lab.monitor.holdsSince()).toBeUndefined()
  })
})

describe("the workload's objective", () => {
  const workload = { rate: "20/s", write: { http: "http://a:8080/" }, slo: { success: 0.99, p99: "500ms" } }
  const sample = ({ store, lab }: Watched, second: number, ok: number) => {
    const numbers = { scheduled: 20, sent: 20, ok, failed: 20 - ok, lag_ms: 0, histogram: emptyHistogram() }
    recordSamples(store, lab.id, [{ operation: "write", second, ...numbers }])
  }

  test("is a gate that the seconds of the workload decide", async () => {
    await using lab = await watching({ invariants: [], workload })
    expect(lab.monitor.failing()).toContain("slo")
    const second = Math.ceil(lab.store.clock.mono_ms() / 1_000)
    sample(lab, second, 20)
    await holding(lab)
    sample(lab, second + 1, 3)
    await seen(() => lab.tickets("slo").length === 1)
    expect(lab.monitor.failing()).toEqual(["slo"])
    expect(lab.tickets("slo")[0]).toMatchObject({ node: "lab", severity: "critical", role: "gate" })
  })

  test("is no gate where no workload runs", async () => {
    await using lab = await watching({ invariants: [], workload }, { slo: false })
    await holding(lab)
    expect(observations(lab, "slo", "lab")).toEqual([])
  })
})

describe("one lab", () => {
  test("has one monitor: a second one is refused until the first has stopped", async () => {
    await using lab = await watching()
    expect(() => startMonitor(lab.store, lab.lab)).toThrow(UsageError)
    expect(() => startMonitor(lab.store, lab.lab)).toThrow(`${lab.lab.id} has a monitor already`)
    await holding(lab)
    await lab.monitor.stop()
    const second = startMonitor(lab.store, lab.lab, { interval_ms: 50 })
    expect(second.holdsSince()).toBeUndefined()
    await seen(() => second.holdsSince() !== undefined)
    await second.stop()
  })

  test("is taken over from a monitor that is not heard of, whose open tickets the new one resolves", async () => {
    await using base = await watchedLab({ invariants: [HEALTH] })
    const { store, lab } = base
    const about = { lab: lab.id, invariant: "health", node: "a", kind: "violated" } as const
    const id = openTicket(store, { ...about, role: "gate", severity: "critical", observation: null })
    store.db
      .query("update labs set monitor = '1-dead', monitor_seen_ms = ? where id = ?")
      .run(store.clock.mono_ms() - HEARTBEAT_FRESH_MS - 100, lab.id)
    const monitor = startMonitor(store, lab, { interval_ms: 50 })
    await seen(() => listTickets(store).find((ticket) => ticket.id === id)?.state === "resolved")
    await monitor.stop()
  })

  test("hears no more of a monitor that was replaced: that one ends with an error", async () => {
    await using lab = await watching()
    await holding(lab)
    const ended = lab.monitor.ended.catch((error: Error) => error.message)
    lab.store.db.query("update labs set monitor = '2-other' where id = ?").run(lab.lab.id)
    lab.answers("a", { body: { ok: false } })
    expect(await ended).toContain("another monitor has taken")
    await lab.monitor.stop()
    expect(lab.tickets("health")).toEqual([])
    expect(getLab(lab.store, lab.lab.id)!.monitor).toBe("2-other")
  })

  test("that is destroyed is watched no longer", async () => {
    await using lab = await watching()
    await holding(lab)
    markDestroyed(lab.store, lab.lab.id, "test", "over", 0)
    await lab.monitor.ended
    expect(events(lab.store, lab.lab.id).at(-1)?.kind).toBe("monitor.stopped")
    expect(() => startMonitor(lab.store, lab.lab)).toThrow(`there is no lab ${lab.lab.id}`)
  })
})

describe("a monitor that is stopped", () => {
  test("ends its probes at once and writes nothing more", async () => {
    await using lab = await watching({ invariants: [HEALTH, { name: "slow", probe: { exec: "sleep 30; echo {}" } }] })
    await seen(() => observations(lab, "health", "b").length === 1)
    const start_ms = performance.now()
    await lab.monitor.stop()
    await lab.monitor.ended
    expect(performance.now() - start_ms).toBeLessThan(1_000)
    const { length } = events(lab.store, lab.lab.id)
    expect(events(lab.store, lab.lab.id).at(-1)?.kind).toBe("monitor.stopped")
    const { promise: told, resolve } = Promise.withResolvers<unknown>()
    const unwatch = lab.lab.watchNodes(resolve)
    await lab.lab.signal(nodeNamed(lab, "a"), "kill")
    await told
    unwatch()
    expect(events(lab.store, lab.lab.id)).toHaveLength(length)
  })

  test("leaves no timer behind: its process has nothing left to do", async () => {
    await using base = await watchedLab({ invariants: [HEALTH] })
    const fixture = join(import.meta.dir, "..", "..", "test", "fixtures", "watched", "monitor.ts")
    const command = [process.execPath, fixture, base.store.file, base.lab.id]
    const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" })
    await seen(() => holdsSince(base.store, base.lab.id) !== undefined)
    await child.stdin.end()
    expect(await Promise.race([child.exited, Bun.sleep(5_000)])).toBe(0)
    expect(await new Response(child.stdout).text()).toBe("watching\nstopped\n")
  })
})
