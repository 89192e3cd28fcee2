import { expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import { count } from "../src/lib/histogram.ts"
import { runWorkload } from "../src/lab/workload/run.ts"
import { ledgerOf } from "../src/store/ledger.ts"
import { samplesOf } from "../src/store/samples.ts"
import { kvLab, nodeOf } from "./support/kv-lab.ts"
import { loaded, nextSeconds, total } from "./support/load.ts"

setDefaultTimeout(30_000)

test.concurrent("an answer that is no success counts as failed", async () => {
  await using kv = await kvLab({ rate: 100, flags: "--fail-every 4" })
  const seconds = await loaded(kv.lab, kv.store, () => nextSeconds(kv.lab, kv.store, 1))
  expect(total(seconds, "failed") / total(seconds, "scheduled")).toBeCloseTo(0.25, 1)
  for (const second of seconds) {
    expect(second.ok + second.failed).toBe(second.scheduled)
    expect(count(second.histogram)).toBe(second.ok)
  }
})

test.concurrent("an answer for which the expression is not true counts as failed", async () => {
  await using kv = await kvLab({ rate: 100, flags: "--garble-every 1" })
  await loaded(kv.lab, kv.store, () => nextSeconds(kv.lab, kv.store, 1))
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

test.concurrent("a second in which nothing is due is kept with zeros", async () => {
  await using kv = await kvLab({ rate: 0.2, writeOnly: true })
  const seconds = await loaded(kv.lab, kv.store, () => nextSeconds(kv.lab, kv.store, 2))
  expect(seconds.slice(1, 3).map(({ scheduled }) => scheduled)).toEqual([0, 0])
  expect(total(seconds, "scheduled")).toBe(1)
})

test.concurrent(
  "the ledger holds exactly the writes that were acknowledged, under keys that no run repeats",
  async () => {
    await using kv = await kvLab({ rate: 200, flags: "--fail-every 7" })
    for (let run = 0; run < 2; run++) {
      await loaded(kv.lab, kv.store, () => nextSeconds(kv.lab, kv.store, 1))
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
  await loaded(kv.lab, kv.store, () => nextSeconds(kv.lab, kv.store, 1))
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
