import { decode, encode, type Histogram, merge } from "../lib/histogram.ts"
import type { Store } from "./open.ts"

/** What became of the requests that were due in one second. `scheduled` is `ok` and `failed` together. */
export interface Second {
  /** Of the monotonic clock: `floor(mono_ms / 1000)` of the moment at which the requests were due. */
  second: number
  scheduled: number
  /** Those that left for a node. The others found none, or the generator had no room or time left for them. */
  sent: number
  ok: number
  failed: number
  /** How late the generator itself was, at worst. */
  lag_ms: number
  /** Latencies of the requests that were ok, from the moment at which each was due. */
  histogram: Histogram
}

/** A second of one operation of the workload, "write" or "read". */
export interface Sample extends Second {
  operation: string
}

/** Seconds from `from` on, before `to`; all of them when left out. */
export interface SecondRange {
  from?: number
  to?: number
}

/** Keeps samples. A workload that was started again within a second adds to what that second has already. */
export function recordSamples(store: Store, lab: string, samples: readonly Sample[]): void {
  store.write(() => {
    for (const sample of samples) {
      const { operation, second } = sample
      const kept = store.db.query<Row, [string, string, number]>(SELECT_ONE).get(lab, operation, second)
      const { histogram, ...numbers } = kept ? sum(fromRow(kept), sample) : sample
      store.db.query(REPLACE).run({ ...numbers, lab, operation, histogram: encode(histogram) })
    }
  })
}

/** The samples of a lab, by second and operation. */
export function samplesOf(store: Store, lab: string, range: SecondRange = {}): Sample[] {
  return store.db
    .query<Row, { lab: string; from: number; to: number }>(SELECT)
    .all({ lab, from: range.from ?? 0, to: range.to ?? Number.MAX_SAFE_INTEGER })
    .map(fromRow)
}

/** The seconds of a lab in order, all operations together. One in which nothing was due has zeros, not a gap. */
export function secondsOf(store: Store, lab: string, range: SecondRange = {}): Second[] {
  const seconds: Second[] = []
  for (const { operation: _, ...sample } of samplesOf(store, lab, range)) {
    const last = seconds.at(-1)
    if (last?.second === sample.second) seconds[seconds.length - 1] = sum(last, sample)
    else seconds.push(sample)
  }
  return seconds
}

// internal

type Row = Omit<Sample, "histogram"> & { histogram: Uint8Array }

const COLUMNS = "operation, second, scheduled, sent, ok, failed, lag_ms, histogram"
const SELECT = `select ${COLUMNS} from samples
  where lab = :lab and second >= :from and second < :to order by second, operation`
const SELECT_ONE = `select ${COLUMNS} from samples where lab = ? and operation = ? and second = ?`
const REPLACE = `insert or replace into samples (lab, ${COLUMNS})
  values (:lab, :operation, :second, :scheduled, :sent, :ok, :failed, :lag_ms, :histogram)`

function fromRow(row: Row): Sample {
  return { ...row, histogram: decode(row.histogram) }
}

function sum(a: Second, b: Second): Second {
  return {
    second: a.second,
    scheduled: a.scheduled + b.scheduled,
    sent: a.sent + b.sent,
    ok: a.ok + b.ok,
    failed: a.failed + b.failed,
    lag_ms: Math.max(a.lag_ms, b.lag_ms),
    histogram: merge(a.histogram, b.histogram),
  }
}
