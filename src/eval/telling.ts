import type { Result } from "./results.ts"
import { lastAttempts } from "./summary.ts"
import type { Verdict } from "./verdict.ts"

/** The trial that somebody ought to look at first: harm before a false claim, that before a failure, that before a success. */
export function mostTelling(results: readonly Result[]): Result | undefined {
  return lastAttempts(results)
    .filter((result) => result.verdict !== null)
    .map((result) => ({ result, place: placeOf(result) }))
    .toSorted((a, b) => a.place - b.place)[0]?.result
}

/** Whether an agent said that it was done, and the monitor did not agree. */
export function claimedFalsely({ facts }: Result): boolean {
  return facts?.sessions.some(({ outcome, verified }) => outcome?.kind === "claims_done" && verified === false) ?? false
}

// internal

const ORDER: readonly (Verdict | "false claim")[] = [
  "damaged",
  "meddled",
  "false claim",
  "false_alarm",
  "error",
  "unrepaired",
  "invalid",
  "self_healed",
  "repaired",
  "quiet",
]

function placeOf(result: Result): number {
  const by_verdict = ORDER.indexOf(result.verdict ?? "quiet")
  return claimedFalsely(result) ? Math.min(by_verdict, ORDER.indexOf("false claim")) : by_verdict
}
