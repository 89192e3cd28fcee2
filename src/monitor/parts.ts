import type { Store } from "../store/open.ts"
import type { Observation } from "./judge.ts"
import type { Change, Logbook } from "./logbook.ts"
import { type Spread, UNLABELLED } from "./probes/alert.ts"
import type { Target } from "./target.ts"

/** Parts of one invariant that are followed. An expression that returns more needs a person, not more tickets. */
export const MAX_PARTS = 50

/**
 * Writes down what one look has seen, and returns what changed. The series of an alert are parts, each with its own ticket: what is
 * there is violated, what is not there any more is ok and forgotten. The whole carries what cannot be told, and
 * has a violation's ticket of its own only for a series without labels.
 */
export function observeLook(store: Store, logbook: Logbook, target: Target, seen: Observation | Spread): Change[] {
  if (!("whole" in seen)) return definite([logbook.observe(target, seen)])
  const { whole, parts } = seen
  return store.write(() => {
    const changes = parts ? observeParts(logbook, target, parts) : []
    const for_ms = parts?.has(UNLABELLED) ? target.for_ms : Infinity
    return definite([...changes, logbook.observe({ ...target, for_ms }, whole)])
  })
}

// internal

const GONE: Observation = { status: "ok", value: null, reason: null }

function observeParts(
  logbook: Logbook,
  target: Target,
  parts: NonNullable<Spread["parts"]>,
): readonly (Change | undefined)[] {
  const known = logbook.nodesOf(target.invariant).filter((node) => node !== target.node)
  const fresh = [...parts.keys()].filter((node) => node !== UNLABELLED && !known.includes(node))
  const followed = [...known, ...fresh.slice(0, Math.max(0, MAX_PARTS - known.length))]
  return followed.map((node) => {
    const part = { ...target, node }
    const seen = parts.get(node)
    if (seen) return logbook.observe(part, seen)
    if (parts.has(node)) return undefined
    const change = logbook.observe(part, GONE)
    logbook.forget(part)
    return change
  })
}

function definite(changes: readonly (Change | undefined)[]): Change[] {
  return changes.filter((change) => change !== undefined)
}
