import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { storedLab } from "../../test/support/stored-lab.ts"
import { holding, LOOK, observations, seen, watching, type Watched } from "../../test/support/watching.ts"
import { emptyHistogram } from "../lib/histogram.ts"
import { timedId } from "../lib/ids.ts"
import { events } from "../store/events.ts"
import { getLab } from "../store/labs.ts"
import { recordSamples } from "../store/samples.ts"
import { claimLab } from "../store/sessions.ts"
import { openTicket, resolveTicket } from "../store/tickets.ts"
import { holdsSince, VERIFY_PATIENCE_MS, wordOnClaim } from "./holds.ts"
import { HEARTBEAT_FRESH_MS } from "./lease.ts"

setDefaultTimeout(30_000)

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

describe("the monitor's word on a claim", () => {
  /** A lab of which all gates hold from now on, and a clock with which time passes for whoever waits. `heard` may end the heartbeat. */
  function claimed(heard: () => boolean = () => true) {
    const clock = fakeClock()
    const stored = storedLab(clock)
    const beat = () => stored.store.db.run("update labs set monitor_seen_ms = ?", [clock.mono_ms()])
    const sleep = async (duration_ms: number) => {
      clock.advance(duration_ms)
      if (heard()) beat()
    }
    stored.store.db.run("update labs set monitor = '1-x', holds_since_ms = ?", [clock.mono_ms()])
    beat()
    const start_ms = clock.mono_ms()
    return {
      ...stored,
      waited_ms: () => clock.mono_ms() - start_ms,
      word: () => {
        const signal = new AbortController().signal
        return wordOnClaim({ ...stored.store, clock: { ...clock, sleep } }, stored.lab, { verify_ms: 2_000, signal })
      },
      [Symbol.dispose]: () => stored[Symbol.dispose](),
    }
  }
  const ticket = {
    invariant: "slow",
    node: "a",
    kind: "violated",
    role: "notice",
    severity: "info",
    observation: 1,
  } as const

  test("is given as soon as all gates have held for long enough", async () => {
    using lab = claimed()
    expect(await lab.word()).toBe("agrees")
    expect(lab.waited_ms()).toBe(2_000)
  })

  test("is against it while a ticket is open, of whatever weight, and when a gate fails", async () => {
    using lab = claimed()
    openTicket(lab.store, { ...ticket, lab: lab.lab })
    expect(await lab.word()).toBe("disagrees")
    expect(lab.waited_ms()).toBe(2_000 + VERIFY_PATIENCE_MS)
    using failing = claimed()
    failing.store.db.run("update labs set holds_since_ms = null")
    expect(await failing.word()).toBe("disagrees")
  })

  test("is not against who has mended a gate, when a notice stays as long as its alert looks back", async () => {
    using lab = claimed()
    const gate = { ...ticket, lab: lab.lab, invariant: "health", role: "gate" } as const
    const claim = () => {
      const lease = { session: timedId(lab.store.clock.now()), variant: "x", model: "x", lease_ms: 1, max_attempts: 9 }
      expect(claimLab(lab.store, { lab: lab.lab, ...lease })).toBeDefined()
    }
    openTicket(lab.store, gate)
    openTicket(lab.store, { ...ticket, lab: lab.lab })
    claim()
    resolveTicket(lab.store, gate)
    expect(await lab.word()).toBe("agrees")
    expect(lab.waited_ms()).toBe(2_000 + VERIFY_PATIENCE_MS)
    // Called again, for the notice alone.
    claim()
    expect(await lab.word()).toBe("disagrees")
  })

  test("is none where no monitor is heard of any more", async () => {
    let beats = 0
    using lab = claimed(() => ++beats < 5)
    lab.store.db.run("update labs set holds_since_ms = null")
    expect(await lab.word()).toBe("silent")
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
