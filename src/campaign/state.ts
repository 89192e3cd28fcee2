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
  await Promise.all(
    lab.subject.state.map(async (declaration) => {
      const seen = await captureAnywhere(lab, declaration)
      if (seen.kind === "value") keepSnapshot(store, lab.id, moment, declaration.name, seen.value)
      else if (moment === "before") {
        throw new OperatorError(`the state "${declaration.name}" is empty before anything was broken: ${seen.reason}`)
      }
    }),
  )
}

// internal

async function captureAnywhere(lab: Lab, declaration: StateDeclaration): Promise<Evaluation> {
  let seen: Evaluation = { kind: "nothing", reason: "it was not looked at" }
  for (let attempt = 0; attempt < TRIES && seen.kind === "nothing"; attempt++) {
    seen = await capture(lab, declaration, { timeout_ms: CAPTURE_TIMEOUT_MS })
  }
  return seen
}
