import type { Lab } from "../lab/lab.ts"
import type { StateDeclaration } from "../lab/subject.ts"
import { evaluate, type Evaluation } from "../lib/expression.ts"
import { runProbe } from "./probes/probe.ts"

/**
 * One declared state of the lab, as plain JSON. Nothing, never an empty state, when it cannot be had: no answer, one
 * that says that it failed, or one in which `pick` finds nothing.
 */
export async function capture(
  lab: Lab,
  state: StateDeclaration,
  { timeout_ms }: { timeout_ms: number },
): Promise<Evaluation> {
  const { signal } = new AbortController()
  const result = await runProbe(lab, state.probe, { values: {}, timeout_ms, signal })
  if (result.kind !== "answer") return { kind: "nothing", reason: result.reason }
  const { status, body } = result.value
  if (status !== undefined && status >= FAILED) return { kind: "nothing", reason: `answered ${status}` }
  if (state.pick !== undefined) return evaluate(state.pick, result.value)
  return body === undefined
    ? { kind: "nothing", reason: "there is no body to capture" }
    : { kind: "value", value: body }
}

// internal

/** From here on a status says that what was asked for is not in the body (RFC 9110, section 15). */
const FAILED = 400
