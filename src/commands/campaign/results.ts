import { showOutcome } from "../../audit/outcome.ts"
import type { Result } from "../../eval/results.ts"
import { summariesOf } from "../../eval/summary.ts"
import { note, paint, print, safeText, wrapped } from "../../lib/output.ts"
import type { CampaignDollars } from "../../store/spending.ts"
import { nextStory, tellNext } from "./next.ts"
import { printGroups } from "./groups.ts"
import { legendOf, summaryTable } from "./summary-table.ts"
import { shortNames, showSpent, trialName, VERDICT_COLOUR } from "./words.ts"

/** Of so many attempts each is told below the table; of more, `eval show` does. */
const MAX_TOLD = 4

/** The end of a campaign: its table, why each verdict is what it is where the trials are few, and what to type next. */
export function printResults(
  results: readonly Result[],
  campaign: CampaignDollars & { id: string; file: string },
): void {
  printSummary(results)
  const spent = showSpent(campaign)
  if (spent !== undefined) print(`\n${spent}`)
  if (results.length <= MAX_TOLD) printReasons(results)
  note("")
  tellNext(campaign.file, [[`eval show ${campaign.id}`, "every trial, with its times"], ...nextStory(results)])
}

/** The table alone, and what its words mean. */
export function printSummary(results: readonly Result[]): void {
  const summaries = summariesOf(results)
  printGroups(summaries, summaryTable())
  const { dim } = paint(process.stderr)
  for (const line of legendOf(summaries)) note(dim(wrapped(line, process.stderr)))
}

/** Why each verdict is what it is, and how the agents' sessions ended. */
export function printReasons(results: readonly Result[]): void {
  const { dim, ...colours } = paint(process.stdout)
  const nameOf = shortNames(results)
  for (const result of results) {
    const { verdict, reasons, facts, lab, id } = result
    const painted = verdict === null ? dim("running") : colours[VERDICT_COLOUR[verdict]](verdict)
    print(`\n${painted}  ${safeText(trialName(nameOf(result), result))}  ${dim(lab ?? id)}`)
    if (reasons.length > 0) print(`  ${safeText(reasons.join("; ")).replaceAll("\n", "\n  ")}`)
    for (const session of facts?.sessions ?? []) print(dim(`  session ${session.id}: ${howEnded(session)}`))
  }
}

/** How a session ended, and what the monitor said to its claim. */
export function howEnded({ outcome, steps, verified }: Ended): string {
  const how = outcome === null ? "was cut off" : showOutcome(outcome)
  const word = verified === null ? "" : verified ? "; the monitor agreed" : "; the monitor did not agree in time"
  return safeText(`${how}, ${steps} steps${word}`)
}

// internal

type Ended = Pick<NonNullable<Result["facts"]>["sessions"][number], "outcome" | "steps" | "verified">
