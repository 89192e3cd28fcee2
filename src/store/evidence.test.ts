import { afterEach, beforeEach, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { count, emptyHistogram, quantile, record } from "../lib/histogram.ts"
import { createLab } from "./labs.ts"
import { type AckedWrite, ledgerOf, recordAcks } from "./ledger.ts"
import { openStore, type Store } from "./open.ts"
import { recordSamples, type Sample, samplesOf, secondsOf } from "./samples.ts"
import { evidenceHash } from "./seal.ts"
import { keepText } from "./texts.ts"

let dir: string
let store: Store

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "evidence-"))
  store = openStore(join(dir, "operator.db"))
  const subject_text = keepText(store, "subject", "kv", "name: kv")
  const lab = {
    subject: "kv",
    subject_text,
    platform: "process",
    dir,
    trial: null,
    deadline_at: "2030-01-01T00:00:00.000Z",
  }
  for (const id of ["kv-1", "kv-2"]) createLab(store, { ...lab, id })
})

afterEach(() => {
  store.close()
  rmSync(dir, { recursive: true, force: true })
})

function sample(operation: string, second: number, latencies_ms: number[], failed = 0): Sample {
  const histogram = emptyHistogram()
  for (const latency_ms of latencies_ms) record(histogram, latency_ms)
  const ok = latencies_ms.length
  return { operation, second, scheduled: ok + failed, sent: ok + failed, ok, failed, lag_ms: second % 7, histogram }
}

const ack = (n: number): AckedWrite => ({ key: `run-${n}`, value: `value ${n}`, acked_ms: n + 0.25 })

/** Writes behind the back of the modules, as somebody would who wants another result. */
const tamper = (sql: string) => store.db.run(sql)

test("samples are read as they were written, by second and operation, from `from` on and before `to`", () => {
  const written = [10, 11, 12].flatMap((second) => [sample("read", second, [1, 2]), sample("write", second, [3], 4)])
  recordSamples(store, "kv-1", written.toReversed())
  recordSamples(store, "kv-2", [sample("write", 11, [9])])
  expect(samplesOf(store, "kv-1")).toEqual(written)
  expect(samplesOf(store, "kv-1", { from: 11, to: 12 })).toEqual(written.slice(2, 4))
  expect(samplesOf(store, "kv-1", { from: 12 })).toEqual(written.slice(4))
  expect(samplesOf(store, "kv-1", { to: 10 })).toEqual([])
})

test("a second is the sum of its operations", () => {
  const late = { ...sample("write", 5, [100, 100], 1), lag_ms: 30 }
  recordSamples(store, "kv-1", [sample("read", 5, [1, 1]), late, sample("write", 7, [])])
  const [five, seven] = secondsOf(store, "kv-1")
  expect(five).toMatchObject({ second: 5, scheduled: 5, sent: 5, ok: 4, failed: 1, lag_ms: 30 })
  expect(five).not.toHaveProperty("operation")
  expect(count(five!.histogram)).toBe(4)
  expect(quantile(five!.histogram, 0.99)).toBeWithin(97, 103)
  expect(seven).toMatchObject({ second: 7, scheduled: 0 })
})

test("a workload that is started again within a second adds to it", () => {
  recordSamples(store, "kv-1", [sample("write", 5, [1, 2], 1)])
  recordSamples(store, "kv-1", [sample("write", 5, [3], 2)])
  expect(samplesOf(store, "kv-1")).toEqual([{ ...sample("write", 5, [1, 2, 3], 3) }])
})

test("the samples' hash follows from the samples alone, and changes with any of them", () => {
  const written = [sample("write", 1, [1]), sample("read", 1, [2]), sample("write", 2, [3])]
  recordSamples(store, "kv-1", written)
  recordSamples(store, "kv-2", written.toReversed())
  const hash = evidenceHash(store, "samples", "kv-1")
  expect(hash).toBe(evidenceHash(store, "samples", "kv-2"))
  for (const change of ["ok = ok + 1", "lag_ms = 9.5", "histogram = x'0105'", "second = 8"]) {
    store.db.run("begin")
    tamper(`update samples set ${change} where lab = 'kv-1' and second = 2`)
    expect(evidenceHash(store, "samples", "kv-1")).not.toBe(hash)
    store.db.run("rollback")
  }
  expect(evidenceHash(store, "samples", "kv-1")).toBe(hash)
})

test("the ledger gives every acknowledged write of its lab once, however many", () => {
  const written = Array.from({ length: 2_500 }, (_, n) => ack(n))
  recordAcks(store, "kv-1", written)
  recordAcks(store, "kv-2", [ack(9_999)])
  const read = Array.from(ledgerOf(store, "kv-1"))
  expect(read).toHaveLength(2_500)
  expect(read.toSorted((a, b) => a.acked_ms - b.acked_ms)).toEqual(written)
})

test("the ledger may be read slowly while it is written to", () => {
  recordAcks(store, "kv-1", [ack(1), ack(2)])
  const keys: string[] = []
  for (const { key } of ledgerOf(store, "kv-1")) {
    keys.push(key)
    recordAcks(store, "kv-2", [{ ...ack(1), key }])
  }
  expect(keys).toEqual(["run-1", "run-2"])
})

test("a key that was acknowledged before is refused, with the writes beside it", () => {
  recordAcks(store, "kv-1", [ack(1)])
  expect(() => recordAcks(store, "kv-1", [ack(2), ack(1)])).toThrow("UNIQUE")
  expect(Array.from(ledgerOf(store, "kv-1"))).toEqual([ack(1)])
})

test("the ledger's hash follows from the writes alone, and changes with any of them", () => {
  recordAcks(store, "kv-1", [ack(1), ack(2), ack(3)])
  recordAcks(store, "kv-2", [ack(3), ack(1), ack(2)])
  const hash = evidenceHash(store, "ledger", "kv-1")
  expect(hash).toBe(evidenceHash(store, "ledger", "kv-2"))
  for (const change of ["value = 'another'", "acked_ms = 0.5", "key = 'run-7'"]) {
    store.db.run("begin")
    tamper(`update ledger set ${change} where lab = 'kv-1' and key = 'run-2'`)
    expect(evidenceHash(store, "ledger", "kv-1")).not.toBe(hash)
    store.db.run("rollback")
  }
  tamper("delete from ledger where lab = 'kv-1' and key = 'run-3'")
  expect(evidenceHash(store, "ledger", "kv-1")).not.toBe(hash)
})
