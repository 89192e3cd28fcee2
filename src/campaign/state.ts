import { OperatorError } from "../lib/errors.ts"
import type { Evaluation } from "../lib/expression.ts"
import type { Lab } from "../lab/lab.ts"
import type { StateDeclaration } from "../lab/subject.ts"
import { capture } from "../monitor/capture.ts"
import type { Store } from "../store/open.ts"
import { keepSnapshot } from "../store/snapshots.ts"

/** One node of a group may be down at the end: `{any:group}` turns to the next at each try. */
const TRIES = 3
const CAPTURE_TIMEOUT_MS = 1_000

/**
 * Captures what the subject declares as its state. Before anything is broken each part must be there, or a comparison
 * would prove nothing; at the end a part that cannot be had is left out, and the judge says so.
 */
export async function captureState(store: Store, lab: Lab, moment: "before" | "after"): Promise<void> {
  const [first] = await keepState(store, lab, moment)
  if (moment === "after" || first === undefined) return
  throw new OperatorError(`the state "${first.name}" is empty before anything was broken: ${first.reason}`)
}

/** Captures each part that can be had, and returns those that cannot. */
export async function keepState(
  store: Store,
  lab: Lab,
  moment: "before" | "after",
): Promise<{ name: string; reason: string }[]> {
  const missing = lab.subject.state.map(async (declaration) => {
    const seen = await captureAnywhere(lab, declaration)
    if (seen.kind === "nothing") return [{ name: declaration.name, reason: seen.reason }]
    keepSnapshot(store, lab.id, moment, declaration.name, seen.value)
    return []
  })
  return (await Promise.all(missing)).flat()
}

// internal

async function captureAnywhere(lab: Lab, declaration: StateDeclaration): Promise<Evaluation> {
  let seen: Evaluation = { kind: "nothing", reason: "it was not looked at" }
  for (let attempt = 0; attempt < TRIES && seen.kind === "nothing"; attempt++) {
    seen = await capture(lab, declaration, { timeout_ms: CAPTURE_TIMEOUT_MS })
  }
  return seen
}
