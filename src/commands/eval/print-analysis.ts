import type { Analysis } from "../../eval/analysis.ts"
import type { Arm } from "../../eval/arm.ts"
import type { SeverityCurve, SeverityPoint } from "../../eval/severity.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, oneLine, paint, print, wrapped } from "../../lib/output.ts"
import type { Column } from "../../lib/table.ts"
import { printTable } from "../../lib/table.ts"
import { printGroups } from "../campaign/groups.ts"
import { tellNext } from "../campaign/next.ts"
import { summaryTable } from "../campaign/summary-table.ts"
import { cellName, showInterval } from "../campaign/words.ts"
import { printScorecard } from "./scorecard.ts"
import { scoresOf, showMean, showPass, showPerSuccess, showSpread } from "./scores.ts"

/** The scorecard of all variants, the table of all cells, the curves, and what a reader ought to know. */
export function printAnalysis(analysis: Analysis, file: string): void {
  const { bold, dim, yellow } = paint(process.stdout)
  for (const { name, id, state, done, total } of analysis.campaigns) {
    print(`${bold(oneLine(name))}  ${dim(id)}  ${state}: ${done} of ${total} trials`)
  }
  for (const warning of analysis.warnings) note(yellow(wrapped(oneLine(warning), process.stderr)))
  if (analysis.totals.length === 0) return note("No trial has begun: there is nothing to analyze yet.")
  print("")
  printScorecard(
    analysis.totals.map(({ variant }) => oneLine(variant)),
    scoresOf(analysis.totals),
  )
  print("")
  printGroups(analysis.arms, { heading: cellName, layouts: LAYOUTS })
  for (const curve of analysis.severity) printCurve(curve)
  for (const line of LEGEND) note(dim(wrapped(line, process.stderr)))
  note("")
  tellNext(file, [
    [`eval show ${analysis.campaigns[0]!.id}`, "every trial"],
    ["eval compare A B", "whether two variants, or two campaigns, differ"],
  ])
}

// internal

const LEGEND = [
  "Intervals: 95 %. Of rates Wilson's, in the scorecard never narrower than a bootstrap over cells. Times: Kaplan and Meier; mean: up to the deadline, so that what never came counts as that.",
]

const MEAN: Column<Arm> = { title: "RECOVERED, MEAN", value: ({ times }) => showMean(times.recovered), align: "right" }

const COMMANDS: Column<Arm> = {
  title: "COMMANDS",
  value: ({ measures }) => showSpread(measures["commands"], { unit: "count" }),
  align: "right",
}

const TOKENS: Column<Arm> = {
  title: "TOKENS",
  value: ({ measures }) => showSpread(measures["tokens"], { unit: "tokens" }),
  align: "right",
}

const PER_SUCCESS: Column<Arm> = {
  title: "PER SUCCESS",
  value: ({ dollars }) => showPerSuccess(dollars),
  align: "right",
}

const PASS: Column<Arm> = { title: "PASS^K", value: ({ pass }) => showPass(pass), align: "right" }

const BASE = summaryTable().layouts
const LAYOUTS: Column<Arm>[][] = [
  [...BASE[0]!, MEAN, PASS, COMMANDS, TOKENS, PER_SUCCESS],
  [...BASE[0]!, MEAN, PASS],
  ...BASE.map((layout) => [...layout]),
]

function printCurve(curve: SeverityCurve): void {
  const { bold } = paint(process.stdout)
  print(`\n${bold(oneLine(`${cellName(curve)} · ${curve.variant}, by ${curve.parameter}`))}`)
  const columns: Column<SeverityPoint>[] = [
    { title: oneLine(curve.parameter), value: ({ value }) => String(value), align: "right" },
    { title: "SUCCESS", value: ({ successes, n }) => `${successes} of ${n}`, align: "right" },
    { title: "INTERVAL", value: showInterval, align: "right" },
  ]
  printTable(curve.points, columns)
  print(wrapped(halfInWords(curve), process.stdout))
}

/** Where half of the trials succeed, and how sure that is. */
function halfInWords({ fit, reason, points }: SeverityCurve): string {
  if (fit === null) return `no curve: ${reason}`
  const is_duration = typeof points[0]?.value === "string" && /[a-z]$/.test(points[0].value)
  const show = (severity: number | null) =>
    severity === null
      ? "∞"
      : is_duration
        ? showDuration(Math.max(0, severity))
        : String(Number(severity.toPrecision(3)))
  const { severity, low, high } = fit.half
  const bounds =
    low === null ? "; it may be anywhere, since severity may not matter at all" : `, ${show(low)} to ${show(high)}`
  const parted = fit.separated
    ? "; one severity parts success from failure, so how steep the curve is cannot be said"
    : ""
  return `half of the trials succeed at ${show(severity)}${bounds}${parted}`
}
