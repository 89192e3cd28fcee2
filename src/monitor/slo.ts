import { SLO, type Workload } from "../lab/subject.ts"
import { secondOf } from "../lab/workload/seconds.ts"
import { quantile } from "../lib/histogram.ts"
import type { Store } from "../store/open.ts"
import { type Second, secondsOf } from "../store/samples.ts"
import type { Observation } from "./judge.ts"
import { type Target, WHOLE_LAB } from "./target.ts"

/** Beyond this the generator was late itself, and its latencies say nothing about the lab. */
const GENERATOR_LATE_MS = 500
/** How long after the last answer of a second could have come in its sample may be missing. */
const SAMPLE_LATE_MS = 3_000
/** Samples come once a second. A look costs microseconds, and this is what it adds to a detection, or to a lab's being ready, at most. */
const LOOK_EVERY_MS = 50

/** The built-in gate that the workload's objective is: each second of the workload is one observation. */
export function sloTarget(store: Store, lab: string, workload: Workload): Target<Observation> {
  let next = secondOf(store.clock.mono_ms())
  return {
    invariant: SLO,
    node: WHOLE_LAB,
    role: "gate",
    severity: workload.slo.severity,
    for_ms: workload.slo.for,
    every_ms: 1_000,
    look_every_ms: LOOK_EVERY_MS,
    look: async () => {
      for (const second of secondsOf(store, lab, { from: next })) {
        next = second.second + 1
        if (second.scheduled > 0) return judgeSecond(second, workload.slo)
      }
      const expected_ms = (next + 1) * 1_000 + workload.timeout + SAMPLE_LATE_MS
      if (store.clock.mono_ms() <= expected_ms) return undefined
      return { status: "unknown", value: null, reason: "the workload has told nothing for too long" }
    },
  }
}

/** What one second of the workload says. A request that could not be sent counts as one that failed. */
export function judgeSecond(second: Second, slo: Pick<Workload["slo"], "success" | "p99">): Observation {
  const success = second.ok / second.scheduled
  const p99_ms = second.ok === 0 ? null : Math.round(quantile(second.histogram, 0.99) * 10) / 10
  const { scheduled, ok, failed, lag_ms } = second
  const value = { second: second.second, scheduled, ok, failed, p99_ms, lag_ms }
  if (lag_ms > GENERATOR_LATE_MS) {
    return { status: "unknown", value, reason: `the load generator itself was ${Math.round(lag_ms)} ms late` }
  }
  if (success < slo.success) {
    return { status: "violated", value, reason: `${ok} of ${scheduled} requests succeeded` }
  }
  if (p99_ms !== null && p99_ms > slo.p99) {
    return { status: "violated", value, reason: `p99 is ${p99_ms} ms, more than ${slo.p99} ms` }
  }
  return { status: "ok", value, reason: null }
}
