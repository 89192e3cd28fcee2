import { expect, setDefaultTimeout, test } from "bun:test"
import { systemClock } from "../src/lib/clock.ts"
import { count, emptyHistogram, type Histogram, merge, quantile } from "../src/lib/histogram.ts"
import { MAX_IN_FLIGHT } from "../src/lab/workload/run.ts"
import { samplesOf, type Second, secondsOf } from "../src/store/samples.ts"
import { kvLab, nodeOf } from "./support/kv-lab.ts"
import { loaded, nextSeconds, total } from "./support/load.ts"

setDefaultTimeout(30_000)

// One after another: these measure time, and some of them stop this process or take all of its sockets.

test("requests are due at the declared rate within 2 %, over 3 s, half of them reads", async () => {
  await using kv = await kvLab({ rate: 100 })
  let seconds: Second[] = []
  await loaded(kv.lab, kv.store, async () => void (seconds = await nextSeconds(kv.lab, kv.store, 3)))
  expect(Math.abs(total(seconds, "scheduled") - 300)).toBeLessThanOrEqual(6)
  expect(total(seconds, "ok")).toBe(total(seconds, "scheduled"))
  const reads = samplesOf(kv.store, kv.lab.id).filter(({ operation }) => operation === "read")
  const share = total(reads, "scheduled") / total(secondsOf(kv.store, kv.lab.id), "scheduled")
  expect(share).toBeWithin(0.35, 0.65)
})

test("a server that stalls slows nothing down: what was due in the stall counts from when it was due", async () => {
  await using kv = await kvLab({ rate: 100, timeout_ms: 3_000 })
  let around: Second[] = []
  await loaded(kv.lab, kv.store, async () => {
    const [before] = await nextSeconds(kv.lab, kv.store, 1)
    expect(quantile(before!.histogram, 0.9)).toBeLessThan(400)
    await fetch(kv.lab.resolve("http://kv-a/stall/500")!)
    const [after] = await nextSeconds(kv.lab, kv.store, 1)
    around = secondsOf(kv.store, kv.lab.id, { from: after!.second - 1, to: after!.second + 1 })
  })
  expect(around.map(({ scheduled }) => scheduled)).toEqual([100, 100])
  expect(total(around, "failed")).toBe(0)
  // 50 requests were due in the 500 ms, one every 10 ms; a closed loop would have seen a single slow one.
  expect(longerThan(allOf(around), 100)).toBeWithin(35, 60)
  expect(longerThan(allOf(around), 300)).toBeWithin(15, 35)
  expect(quantile(allOf(around), 1)).toBeWithin(400, 700)
})

test("a generator that is late counts what was due, with its delay, and tells how late it was", async () => {
  await using kv = await kvLab({ rate: 100 })
  let around: Second[] = []
  await loaded(kv.lab, kv.store, async () => {
    await nextSeconds(kv.lab, kv.store, 1)
    const from = Math.floor(systemClock.mono_ms() / 1_000)
    Bun.sleepSync(600)
    await nextSeconds(kv.lab, kv.store, 1)
    around = secondsOf(kv.store, kv.lab.id, { from })
  })
  for (const { scheduled } of around.slice(0, 2)) expect(scheduled).toBe(100)
  expect(Math.max(...around.map(({ lag_ms }) => lag_ms))).toBeWithin(500, 800)
  expect(longerThan(allOf(around), 300)).toBeWithin(20, 45)
})

test("what was due too long ago to be answered in time is not sent, and has failed", async () => {
  await using kv = await kvLab({ rate: 100, timeout_ms: 200 })
  const seconds = await loaded(kv.lab, kv.store, async () => {
    await nextSeconds(kv.lab, kv.store, 1)
    Bun.sleepSync(600)
    await nextSeconds(kv.lab, kv.store, 1)
  })
  const unsent = total(seconds, "scheduled") - total(seconds, "sent")
  expect(unsent).toBeWithin(30, 50)
  expect(total(seconds, "failed")).toBeGreaterThanOrEqual(unsent)
})

test("more than MAX_IN_FLIGHT requests are never on their way: the next one fails at once, unsent", async () => {
  await using kv = await kvLab({ rate: 400, timeout_ms: 1_500 })
  await loaded(kv.lab, kv.store, async () => {
    await kv.lab.signal(nodeOf(kv.lab, "kv-a"), "pause")
    const [frozen] = await nextSeconds(kv.lab, kv.store, 1)
    expect(frozen).toMatchObject({ scheduled: 400, ok: 0, failed: 400 })
    expect(frozen!.sent).toBeLessThanOrEqual(MAX_IN_FLIGHT)
    await kv.lab.signal(nodeOf(kv.lab, "kv-a"), "resume")
  })
})

// internal

const allOf = (seconds: Second[]) => seconds.map((one) => one.histogram).reduce(merge, emptyHistogram())

/** How many of the values are longer than this. */
function longerThan(histogram: Histogram, value_ms: number): number {
  const n = count(histogram)
  return Array.from({ length: n }, (_, i) => quantile(histogram, (i + 1) / n)).filter((ms) => ms > value_ms).length
}
