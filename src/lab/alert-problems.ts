import { scanPromql } from "../lib/promql.ts"
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
  { alert, probe, each, holds }: InvariantDeclaration,
  prometheus: string | undefined,
): Generator<Problem> {
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
    yield { path: at, message: "names no metric, so that nobody could tell an empty answer from none" }
  }
}
