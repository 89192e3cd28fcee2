import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { fakePrometheus, type FakePrometheus, type Sample } from "../../test/support/prometheus.ts"
import { holding, observations, seen, type Watched, watching } from "../../test/support/watching.ts"
import { waitUntil } from "../lib/clock.ts"
import { closeTicket } from "../store/tickets.ts"
import { MAX_PARTS } from "./parts.ts"
import { startMonitor } from "./watch.ts"

setDefaultTimeout(30_000)

const SLOW = "slow > 1"
const SLOW_ALERT = { name: "slow", alert: SLOW, every: "30ms" }

const at = (instance: string, value = "2"): Sample => ({ labels: { instance }, value })

async function alerting(
  prometheus: FakePrometheus,
  declared: object = {},
  options: { unknown_after_ms?: number } = {},
): Promise<Watched> {
  prometheus.metrics.set("slow", 1)
  return watching({ prometheus: prometheus.url, invariants: [{ ...SLOW_ALERT, ...declared }] }, options)
}

/** The states of the tickets by the nodes that they are about. */
const states = (lab: Watched) => lab.tickets("slow").map(({ node, kind, state }) => [node, kind, state])

async function looks(prometheus: FakePrometheus, count = 4): Promise<void> {
  const before = prometheus.queries.length
  await waitUntil(() => prometheus.queries.length >= before + 2 * count, { timeout_ms: 10_000, every_ms: 5 })
}

describe("the series of an alert", () => {
  test("each have a ticket, which is resolved when the series is gone", async () => {
    await using prometheus = fakePrometheus()
    await using lab = await alerting(prometheus)
    await holding(lab)
    prometheus.series.set(SLOW, [at("a:1"), at("b:1")])
    await seen(() => lab.tickets("slow").length === 2)
    expect(lab.monitor.failing()).toEqual(["slow", "slow a", "slow b"])
    prometheus.series.set(SLOW, [at("b:1")])
    await seen(() => lab.tickets("slow", "a")[0]?.state === "resolved")
    expect(states(lab)).toEqual([
      ["a", "violated", "resolved"],
      ["b", "violated", "open"],
    ])
    const since_ms = lab.store.clock.mono_ms()
    prometheus.series.clear()
    await holding(lab)
    expect(lab.monitor.holdsSince()!).toBeGreaterThan(since_ms)
    expect(observations(lab, "slow", "lab")).toEqual(["ok", "violated", "ok"])
    expect(observations(lab, "slow", "a")).toEqual(["violated", "ok"])
  })

  test("keep their tickets while Prometheus cannot be asked, and there is one ticket about that", async () => {
    await using prometheus = fakePrometheus()
    await using lab = await alerting(prometheus, {}, { unknown_after_ms: 100 })
    await holding(lab)
    prometheus.series.set(SLOW, [at("a:1")])
    await seen(() => lab.tickets("slow").length === 1)
    prometheus.instead = () => new Response("down", { status: 503 })
    await seen(() => lab.tickets("slow").length === 2)
    await looks(prometheus)
    expect(states(lab)).toEqual([
      ["a", "violated", "open"],
      ["lab", "unknown", "open"],
    ])
    expect(lab.monitor.holdsSince()).toBeUndefined()
    prometheus.instead = undefined
    await seen(() => lab.tickets("slow", "lab")[0]?.state === "resolved")
    expect(lab.tickets("slow", "a")[0]?.state).toBe("open")
    prometheus.series.clear()
    await seen(() => lab.tickets("slow", "a")[0]?.state === "resolved")
  })

  test("keep their tickets, and open none, while the metric is gone", async () => {
    await using prometheus = fakePrometheus()
    await using lab = await alerting(prometheus)
    prometheus.series.set(SLOW, [at("a:1")])
    await seen(() => lab.tickets("slow").length === 1)
    prometheus.series.clear()
    prometheus.metrics.clear()
    await seen(() => observations(lab, "slow", "lab").at(-1) === "unknown")
    await looks(prometheus)
    expect(states(lab)).toEqual([["a", "violated", "open"]])
  })

  test("wait for `for`, each by itself", async () => {
    await using prometheus = fakePrometheus()
    await using lab = await alerting(prometheus, { for: "400ms" })
    await holding(lab)
    prometheus.series.set(SLOW, [at("a:1")])
    await seen(() => observations(lab, "slow", "a").length === 1)
    expect(lab.tickets("slow")).toEqual([])
    await seen(() => lab.tickets("slow").length === 1)
    prometheus.series.set(SLOW, [at("a:1"), at("b:1")])
    await seen(() => observations(lab, "slow", "b").length === 1)
    expect(lab.tickets("slow", "b")).toEqual([])
  })

  test("that have no labels are the whole", async () => {
    await using prometheus = fakePrometheus()
    await using lab = await alerting(prometheus)
    prometheus.series.set(SLOW, [{ labels: {}, value: "7" }])
    await seen(() => lab.tickets("slow").length === 1)
    expect(states(lab)).toEqual([["lab", "violated", "open"]])
    prometheus.series.clear()
    await seen(() => lab.tickets("slow")[0]?.state === "resolved")
  })

  test("that a NaN hides keep their tickets as they are", async () => {
    await using prometheus = fakePrometheus()
    await using lab = await alerting(prometheus)
    prometheus.series.set(SLOW, [at("a:1"), at("b:1")])
    await seen(() => lab.tickets("slow").length === 2)
    prometheus.series.set(SLOW, [at("a:1", "NaN")])
    await seen(() => lab.tickets("slow", "b")[0]?.state === "resolved")
    await looks(prometheus)
    expect(lab.tickets("slow", "a")[0]?.state).toBe("open")
    expect(observations(lab, "slow", "lab").at(-1)).toBe("unknown")
  })

  test("are known to the next monitor, which resolves the tickets of those that are gone", async () => {
    await using prometheus = fakePrometheus()
    await using lab = await alerting(prometheus)
    prometheus.series.set(SLOW, [at("a:1"), at("b:1")])
    await seen(() => lab.tickets("slow").length === 2)
    await lab.monitor.stop()
    prometheus.series.set(SLOW, [at("b:1")])
    const next = await startMonitor(lab.store, lab.lab, { interval_ms: 50 })
    await seen(() => lab.tickets("slow", "a")[0]?.state === "resolved")
    await looks(prometheus)
    expect(lab.tickets("slow", "b").map(({ state, occurrences }) => [state, occurrences])).toEqual([["open", 1]])
    await next.stop()
  })

  test("are left as they are by what was seen while the monitor's own host was late", async () => {
    await using prometheus = fakePrometheus()
    await using lab = await alerting(prometheus)
    prometheus.series.set(SLOW, [at("a:1")])
    await seen(() => lab.tickets("slow").length === 1)
    Bun.sleepSync(1_600)
    await seen(() => observations(lab, "slow", "lab").includes("unknown"))
    await seen(() => observations(lab, "slow", "lab").at(-1) === "violated")
    expect(observations(lab, "slow", "a")).toEqual(["violated"])
    expect(lab.tickets("slow").map(({ occurrences }) => occurrences)).toEqual([1])
  })

  test("whose ticket a person has closed open no second one, until they were gone", async () => {
    await using prometheus = fakePrometheus()
    await using lab = await alerting(prometheus)
    prometheus.series.set(SLOW, [at("a:1")])
    await seen(() => lab.tickets("slow").length === 1)
    closeTicket(lab.store, lab.tickets("slow")[0]!.id, "known")
    await looks(prometheus)
    expect(lab.tickets("slow")).toHaveLength(1)
    prometheus.series.clear()
    await seen(() => observations(lab, "slow", "a").at(-1) === "ok")
    prometheus.series.set(SLOW, [at("a:1")])
    await seen(() => lab.tickets("slow").length === 2)
  })

  test("are followed up to a bound", async () => {
    await using prometheus = fakePrometheus()
    await using lab = await alerting(prometheus)
    const many = Array.from({ length: MAX_PARTS + 20 }, (_, n) => at(`n${n}:1`))
    prometheus.series.set(SLOW, many)
    await seen(() => lab.tickets("slow").length === MAX_PARTS)
    await looks(prometheus)
    expect(lab.tickets("slow")).toHaveLength(MAX_PARTS)
    prometheus.series.clear()
    await seen(() => lab.tickets("slow").every(({ state }) => state === "resolved"))
    expect(lab.monitor.failing()).toEqual([])
    prometheus.series.set(SLOW, [at("another:1")]) // What is over takes no room.
    await seen(() => lab.tickets("slow", "another:1").length === 1)
  })
})
