import { emptyHistogram, record } from "../../lib/histogram.ts"
import type { Sample } from "../../store/samples.ts"

export interface Ending {
  sent: boolean
  ok: boolean
  /** From the moment at which the request was due. */
  latency_ms: number
}

/** Counts requests by the second in which they were due. */
export interface Seconds {
  /** Counts a request that was due; the returned function is called once, when its end is known. */
  due(operation: string, due_ms: number, lag_ms: number): (ending: Ending) => void
  /** The samples of the seconds before `second`, in order, up to the first with an end unknown. Given out once. */
  takeComplete(second: number): Sample[]
}

/** `operations` get a sample in each second from `first_ms` on, also when nothing was due in it. */
export function countSeconds(operations: readonly string[], first_ms: number): Seconds {
  const open = new Map<number, Tally>()
  let next = secondOf(first_ms)
  const tallyOf = (second: number) => {
    const tally = open.get(second) ?? emptyTally(operations, second)
    open.set(second, tally)
    return tally
  }
  return {
    due: (operation, due_ms, lag_ms) => {
      const tally = tallyOf(secondOf(due_ms))
      const sample = tally.samples.find((one) => one.operation === operation)
      if (!sample) throw new Error(`"${operation}" is not among the operations`)
      sample.scheduled += 1
      tally.unknown += 1
      tally.lag_ms = Math.max(tally.lag_ms, lag_ms)
      return (ending) => {
        tally.unknown -= 1
        countEnd(sample, ending)
      }
    },
    takeComplete: (second) => {
      const complete: Sample[] = []
      for (; next < second && tallyOf(next).unknown === 0; next++) {
        const { samples, lag_ms } = tallyOf(next)
        complete.push(...samples.map((sample) => ({ ...sample, lag_ms })))
        open.delete(next)
      }
      return complete
    },
  }
}

/** The second of the monotonic clock that a moment lies in. */
export function secondOf(mono_ms: number): number {
  return Math.floor(mono_ms / 1_000)
}

// internal

interface Tally {
  samples: Sample[]
  /** Requests whose end is not known yet. */
  unknown: number
  lag_ms: number
}

function emptyTally(operations: readonly string[], second: number): Tally {
  const zeros = { second, scheduled: 0, sent: 0, ok: 0, failed: 0, lag_ms: 0 }
  const samples = operations.map((operation) => ({ ...zeros, operation, histogram: emptyHistogram() }))
  return { samples, unknown: 0, lag_ms: 0 }
}

function countEnd(sample: Sample, { sent, ok, latency_ms }: Ending): void {
  if (sent) sample.sent += 1
  if (!ok) {
    sample.failed += 1
    return
  }
  sample.ok += 1
  record(sample.histogram, latency_ms)
}
