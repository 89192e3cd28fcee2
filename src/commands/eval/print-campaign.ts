import type { CampaignOutcome } from "../../eval/campaigns.ts"
import type { Result } from "../../eval/results.ts"
import { cellKey, type Moment, summariesOf, timeOf } from "../../eval/summary.ts"
import { showDuration } from "../../lib/duration.ts"
import { ago, paint, print, safeText } from "../../lib/output.ts"
import type { Column } from "../../lib/table.ts"
import { printGroups } from "../campaign/groups.ts"
import { nextFacts, nextStory, tellNext } from "../campaign/next.ts"
import { printSummary } from "../campaign/results.ts"
import { cellName, showCensored, showSpent, VERDICT_COLOUR } from "../campaign/words.ts"

/** A campaign's table, a line for each attempt at a trial, and what to type next. */
export function printCampaign(campaign: CampaignOutcome, results: readonly Result[], file: string): void {
  const { bold, dim } = paint(process.stdout)
  const { id, name, state, done, total, created_at, ended_at } = campaign
  const took = ended_at === null ? "" : `, took ${showDuration(Date.parse(ended_at) - Date.parse(created_at))}`
  const resume = state === "unfinished" ? "; the command that began it goes on with it" : ""
  print(`${bold(safeText(name))}  ${dim(id)}`)
  print(`${state}: ${done} of ${total} trials, begun ${ago(created_at, new Date())}${took}${resume}`)
  const spent = showSpent(campaign)
  if (spent !== undefined) print(spent)
  print("")
  if (results.length === 0) return
  printSummary(results)
  print("")
  printGroups(inTableOrder(results), { heading: cellName, layouts: LAYOUTS })
  tellNext(file, [...nextStory(results), ...nextFacts(results)])
}

// internal

/** Every attempt in the order of the table above. */
function inTableOrder(results: readonly Result[]): Result[] {
  const arm = (cell: Parameters<typeof cellKey>[0] & { variant: string }) => `${cellKey(cell)} ${cell.variant}`
  const places = new Map(summariesOf(results).map((summary, place) => [arm(summary), place]))
  const place = (result: Result) => places.get(arm(result)) ?? 0
  return results.toSorted((a, b) => place(a) - place(b) || a.repetition - b.repetition || a.attempt - b.attempt)
}

const VARIANT: Column<Result> = { title: "VARIANT", value: ({ variant }) => variant, flexible: true }

const TRIAL: Column<Result> = {
  title: "TRIAL",
  value: ({ repetition, attempt }) => (attempt > 1 ? `${repetition}, attempt ${attempt}` : repetition),
}

const VERDICT: Column<Result> = {
  title: "VERDICT",
  value: ({ verdict, stage }) => verdict ?? stage,
  paint: ({ verdict }, colours) => colours[verdict === null ? "dim" : VERDICT_COLOUR[verdict]],
}

const LIFTED_BY: Column<Result> = {
  title: "LIFTED BY",
  value: ({ facts }) => (facts === null || facts.fault === "none" ? "–" : facts.lifted_by),
}

const HARM: Column<Result> = { title: "HARM", value: ({ facts }) => facts?.harm ?? "–" }

/** What `eval show` and `audit show` take, and the shortest that does. */
const LOG: Column<Result> = { title: "LOG", value: ({ lab, id }) => lab ?? id }

const REASON: Column<Result> = {
  title: "REASON",
  value: ({ reasons, reason }) => firstLine(reasons.join("; ") || reason),
}

const [DETECTED, ACTED, RECOVERED] = [time("detected"), time("acted"), time("recovered")]

const LAYOUTS: Column<Result>[][] = [
  [VARIANT, TRIAL, VERDICT, DETECTED, ACTED, RECOVERED, LIFTED_BY, HARM, LOG, REASON],
  [VARIANT, TRIAL, VERDICT, DETECTED, ACTED, RECOVERED, LIFTED_BY, HARM, LOG],
  [VARIANT, TRIAL, VERDICT, DETECTED, ACTED, RECOVERED, LOG],
  [VARIANT, TRIAL, VERDICT, RECOVERED, LOG],
]

function time(moment: Moment): Column<Result> {
  return {
    title: moment.toUpperCase(),
    value: (result) => showCensored(timeOf(result, moment)),
    align: "right",
  }
}

const firstLine = (text: string | null) => text?.split("\n")[0] ?? null
