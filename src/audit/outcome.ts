import type { Outcome } from "../store/kinds.ts"

/** An outcome in words. */
export function showOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case "claims_done":
      return "claims to be done"
    case "gave_up":
      return `gave up: ${outcome.reason}`
    case "refused":
      return `was refused by ${outcome.model}${outcome.category ? ` (${outcome.category})` : ""}`
    case "limit":
      return `reached its limit of ${outcome.which}`
    case "model_error":
      return `had no answer: ${outcome.reason}`
    case "interrupted":
      return "was interrupted"
    case "halted":
      return `was halted: ${outcome.reason}`
    default:
      return outcome satisfies never
  }
}
