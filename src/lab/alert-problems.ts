import { didYouMean } from "../lib/nearest.ts"
import { scanPromql } from "../lib/promql.ts"
import type { PerPlatform } from "./per-platform.ts"
import type { InvariantDeclaration } from "./subject.ts"

/** What is wrong with a subject, at a place in its `x-operator` block. */
export interface Problem {
  path: (string | number)[]
  message: string
}

export const NO_PROMETHEUS = "alerts need `prometheus:`, the address of the Prometheus to ask"

/** What is wrong with how an invariant is asked: by a probe or by an alert, and by an alert that can say something. */
export function* alertProblems(
  path: Problem["path"],
  invariant: InvariantDeclaration,
  prometheus: PerPlatform | undefined,
): Generator<Problem> {
  const { alert, probe, each, holds, may_be_missing = [] } = invariant
  yield* missingProblems([...path, "may_be_missing"], may_be_missing, [invariant])
  if (alert === undefined) {
    if (probe === undefined) yield { path, message: "needs probe or alert" }
    return
  }
  const at = [...path, "alert"]
  if (probe !== undefined) yield { path: at, message: "an invariant has a probe or an alert, not both" }
  if (each !== undefined) yield { path: [...path, "each"], message: "an alert has a node for each of its series" }
  if (holds !== undefined) yield { path: [...path, "holds"], message: "an alert is violated by each series" }
  if (prometheus === undefined) yield { path: at, message: NO_PROMETHEUS }
  const { metrics, problem } = scanPromql(alert)
  if (problem !== undefined) yield { path: at, message: `no PromQL: ${problem}` }
  else if (metrics.length === 0) {
    yield { path: at, message: `names no metric, ${NOBODY_COULD_TELL}` }
  }
}

/** What is wrong with the metrics that may be missing of some alerts: each is named by one, and each alert names another beside. */
export function* missingProblems(
  path: Problem["path"],
  may_be_missing: readonly string[],
  alerts: readonly Pick<InvariantDeclaration, "name" | "alert">[],
): Generator<Problem> {
  const all = alerts.map(({ name, alert }) => ({ name, metrics: scanPromql(alert ?? "").metrics }))
  const known = [...new Set(all.flatMap(({ metrics }) => metrics))]
  for (const [index, metric] of may_be_missing.entries()) {
    if (known.includes(metric)) continue
    yield { path: [...path, index], message: `no alert here names the metric "${metric}"${didYouMean(metric, known)}` }
  }
  for (const { name, metrics } of all) {
    if (metrics.length === 0 || metrics.some((metric) => !may_be_missing.includes(metric))) continue
    yield { path, message: `${name} names no other metric, ${NOBODY_COULD_TELL}` }
  }
}

// internal

const NOBODY_COULD_TELL = "so that nobody could tell an empty answer from none"
