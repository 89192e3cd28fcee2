import { expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { systemClock, waitUntil } from "../src/lib/clock.ts"
import { count, emptyHistogram, type Histogram, merge, quantile } from "../src/lib/histogram.ts"
import type { Lab } from "../src/lab/lab.ts"
import { MAX_IN_FLIGHT, runWorkload } from "../src/lab/workload/run.ts"
import { ledgerOf } from "../src/store/ledger.ts"
import type { Store } from "../src/store/open.ts"
import { samplesOf, type Second, secondsOf } from "../src/store/samples.ts"
import { kvLab, nodeOf } from "./support/kv-lab.ts"

setDefaultTimeout(30_000)

/** Runs the load while `during` does, then ends it and gives what it kept. */
async function loaded(lab: Lab, store: Store, during: () => Promise<void>): Promise<Second[]> {
  const end = new AbortController()
  const running = runWorkload(store, lab, { signal: end.signal })
  try {
    await Promise.race([during(), running])
  } finally {
    end.abort()
    await running
  }
  return secondsOf(store, lab.id)
}

/** Waits for `n` seconds that begin from now on and are complete, and gives them. */
async function nextSeconds(lab: Lab, store: Store, n: number): Promise<Second[]> {
  const from = Math.floor(systemClock.mono_ms() / 1_000) + 1
  const seconds = () => secondsOf(store, lab.id, { from }).slice(0, n)
  expect(await waitUntil(() => seconds().length === n, { timeout_ms: 10_000 + n * 1_000, every_ms: 20 })).toBe(true)
  return seconds()
}

const total = (seconds: Second[], what: "scheduled" | "sent" | "ok" | "failed") =>
  seconds.reduce((sum, second) => sum + second[what], 0)

const allOf = (seconds: Second[]) => seconds.map((one) => one.histogram).reduce(merge, emptyHistogram())

/** How many of the values are longer than this. */
function longerThan(histogram: Histogram, value_ms: number): number {
  const n = count(histogram)
  return Array.from({ length: n }, (_, i) => quantile(histogram, (i + 1) / n)).filter((ms) => ms > value_ms).length
}

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
    expect(quantile(before!.histogram, 0.9)).toBeLessThan(100)
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

test("a generator that is late counts what was due, its delay in the latencies, and tells how late it was", async () => {
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

test.concurrent("an answer that is no success counts as failed", async () => {
  await using kv = await kvLab({ rate: 100, flags: "--fail-every 4" })
  const seconds = await loaded(kv.lab, kv.store, async () => void (await nextSeconds(kv.lab, kv.store, 1)))
  expect(total(seconds, "failed") / total(seconds, "scheduled")).toBeCloseTo(0.25, 1)
  for (const second of seconds) {
    expect(second.ok + second.failed).toBe(second.scheduled)
    expect(count(second.histogram)).toBe(second.ok)
  }
})

test.concurrent("an answer for which the expression is not true counts as failed", async () => {
  await using kv = await kvLab({ rate: 100, flags: "--garble-every 1" })
  await loaded(kv.lab, kv.store, async () => void (await nextSeconds(kv.lab, kv.store, 1)))
  const samples = samplesOf(kv.store, kv.lab.id)
  const of = (operation: string) => samples.filter((sample) => sample.operation === operation)
  expect(total(of("read"), "ok")).toBe(0)
  expect(total(of("read"), "failed")).toBeGreaterThan(20)
  expect(total(of("write"), "failed")).toBe(0)
})

test.concurrent("a dead node fails its share, unsent, and is followed to its new port when it is back", async () => {
  await using kv = await kvLab({ rate: 100, nodes: ["kv-a", "kv-b"] })
  const port = kv.lab.resolve("http://kv-b/")
  await loaded(kv.lab, kv.store, async () => {
    await nextSeconds(kv.lab, kv.store, 1)
    await kv.lab.signal(nodeOf(kv.lab, "kv-b"), "kill")
    expect(await waitUntil(() => nodeOf(kv.lab, "kv-b").state === "exited", { timeout_ms: 5_000, every_ms: 5 })).toBe(
      true,
    )
    const [dead] = await nextSeconds(kv.lab, kv.store, 1)
    expect(dead).toMatchObject({ scheduled: 100, sent: 50, ok: 50, failed: 50 })
    await kv.lab.start("kv-b")
    expect(kv.lab.resolve("http://kv-b/")).not.toBe(port)
    const [back] = await nextSeconds(kv.lab, kv.store, 1)
    expect(back).toMatchObject({ scheduled: 100, sent: 100, ok: 100, failed: 0 })
  })
})

test.concurrent(
  "a frozen node is waited for as long as the time-out says, and seconds are kept in order, without a gap",
  async () => {
    await using kv = await kvLab({ rate: 50, nodes: ["kv-a", "kv-b"], timeout_ms: 700 })
    const seconds = await loaded(kv.lab, kv.store, async () => {
      await kv.lab.signal(nodeOf(kv.lab, "kv-b"), "pause")
      const [frozen] = await nextSeconds(kv.lab, kv.store, 1)
      expect(frozen).toMatchObject({ scheduled: 50, sent: 50, ok: 25, failed: 25 })
      await kv.lab.signal(nodeOf(kv.lab, "kv-b"), "resume")
      const [thawed] = await nextSeconds(kv.lab, kv.store, 1)
      expect(thawed).toMatchObject({ scheduled: 50, ok: 50 })
    })
    expect(seconds.map(({ second }) => second - seconds[0]!.second)).toEqual(seconds.map((_, place) => place))
  },
)

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

test.concurrent("a second in which nothing is due is kept with zeros", async () => {
  await using kv = await kvLab({ rate: 0.2, writeOnly: true })
  const seconds = await loaded(kv.lab, kv.store, async () => void (await nextSeconds(kv.lab, kv.store, 2)))
  expect(seconds.slice(1, 3).map(({ scheduled }) => scheduled)).toEqual([0, 0])
  expect(total(seconds, "scheduled")).toBe(1)
})

test.concurrent(
  "the ledger holds exactly the writes that were acknowledged, under keys that no run repeats",
  async () => {
    await using kv = await kvLab({ rate: 200, flags: "--fail-every 7" })
    for (let run = 0; run < 2; run++) {
      await loaded(kv.lab, kv.store, async () => void (await nextSeconds(kv.lab, kv.store, 1)))
    }
    const written = readFileSync(join(kv.lab.dir, "store", "kv"), "utf8")
      .trim()
      .split("\n")
      .toSorted()
    const ledger = Array.from(ledgerOf(kv.store, kv.lab.id), ({ key, value }) => `${key}\t${value}`)
    expect(ledger.length).toBeGreaterThan(100)
    expect(ledger.toSorted()).toEqual(written)
    expect(new Set(ledger.map((line) => line.split("-")[0])).size).toBe(2)
    const writes = samplesOf(kv.store, kv.lab.id).filter(({ operation }) => operation === "write")
    expect(total(writes, "ok")).toBe(ledger.length)
  },
)

test.concurrent("a subject without a read has no ledger and no reads", async () => {
  await using kv = await kvLab({ writeOnly: true })
  await loaded(kv.lab, kv.store, async () => void (await nextSeconds(kv.lab, kv.store, 1)))
  expect([...ledgerOf(kv.store, kv.lab.id)]).toEqual([])
  expect(new Set(samplesOf(kv.store, kv.lab.id).map(({ operation }) => operation))).toEqual(new Set(["write"]))
})

test.concurrent("a subject without a workload is refused", async () => {
  await using kv = await kvLab()
  const { workload: _, ...subject } = kv.lab.subject
  const running = runWorkload(kv.store, { ...kv.lab, subject }, { signal: AbortSignal.timeout(0) })
  expect(running).rejects.toThrow("declares no workload")
  await running.catch(() => undefined)
})
