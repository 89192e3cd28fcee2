import type { Moment, Summary } from "../../eval/summary.ts"
import type { Paint } from "../../lib/output.ts"
import type { Column } from "../../lib/table.ts"
import type { Grouped } from "./groups.ts"
import { cellName, showCensored, showInterval, showPercent } from "./words.ts"

/** A campaign's table: a heading for each cell, and below it a line for each variant. */
export function summaryTable(): Grouped<Summary> {
  const [detected, acted, recovered] = [medianOf("detected"), medianOf("acted"), medianOf("recovered")]
  return {
    heading: cellName,
    layouts: [
      [VARIANT, SUCCESS, RATE, INTERVAL, VERDICTS, detected, acted, recovered, INVALID, ERRORS],
      [VARIANT, SUCCESS, RATE, INTERVAL, ALL_VERDICTS, detected, acted, recovered],
      [VARIANT, SUCCESS, INTERVAL, ALL_VERDICTS, detected, acted, recovered],
      [VARIANT, SUCCESS, INTERVAL, ALL_VERDICTS, detected, recovered],
      [VARIANT, SUCCESS, INTERVAL, ALL_VERDICTS, recovered],
      [VARIANT, SUCCESS, INTERVAL, ALL_VERDICTS],
    ],
  }
}

/** What the table's words mean, as far as it holds them. */
export function legendOf(summaries: readonly Summary[]): string[] {
  const wanted = new Set(summaries.map(({ success }) => success.verdict))
  const success = wanted.size > 1 ? "repaired, or quiet where nothing was broken" : [...wanted].join()
  const times = summaries.flatMap(({ medians }) => Object.values(medians)).filter((time) => time !== null)
  const censored = times.find((time) => time.censored)
  const lines = [`SUCCESS: ${success}; of the trials that count. INTERVAL: of its rate, with 95 % confidence (Wilson).`]
  if (times.length > 0) lines.push("Times: medians, counted from the moment at which the fault was there.")
  if (censored)
    lines.push(
      `${showCensored(censored)}: in most of the trials not by their deadline; giving up for good ends a trial early and counts so.`,
    )
  return lines
}

// internal

const VARIANT: Column<Summary> = { title: "VARIANT", value: ({ variant }) => variant, flexible: true }

const SUCCESS: Column<Summary> = {
  title: "SUCCESS",
  value: ({ success, n }) => `${success.count} of ${n}`,
  align: "right",
  paint: ({ success: { rate } }, colours) =>
    colours[rate === 1 ? "green" : rate === 0 ? "red" : rate === null ? "dim" : "yellow"],
}

const RATE: Column<Summary> = {
  title: "RATE",
  value: ({ success: { rate } }) => (rate === null ? "–" : showPercent(rate)),
  align: "right",
}

const INTERVAL: Column<Summary> = {
  title: "INTERVAL",
  value: ({ success, n }) => (n === 0 ? "–" : showInterval(success)),
  align: "right",
}

const VERDICTS: Column<Summary> = { title: "VERDICTS", value: verdicts, flexible: true }

/** With what does not count, which else has columns of its own. */
const ALL_VERDICTS: Column<Summary> = {
  title: "VERDICTS",
  value: ({ invalid, errors, ...summary }) =>
    [verdicts(summary), invalid > 0 ? `${invalid} invalid` : "", errors > 0 ? counted(errors, "error") : ""]
      .filter((part) => part !== "")
      .join(", "),
  flexible: true,
}

const INVALID: Column<Summary> = {
  title: "INVALID",
  value: ({ invalid }) => invalid,
  align: "right",
  paint: ({ invalid }, colours) => loud(invalid, colours),
}

const ERRORS: Column<Summary> = {
  title: "ERRORS",
  value: ({ errors }) => errors,
  align: "right",
  paint: ({ errors }, colours) => loud(errors, colours),
}

function medianOf(moment: Moment): Column<Summary> {
  return { title: moment.toUpperCase(), value: ({ medians }) => showCensored(medians[moment]), align: "right" }
}

function verdicts({ verdicts, running }: Pick<Summary, "verdicts" | "running">): string {
  const parts = Object.entries(verdicts).map(([verdict, count]) => `${count} ${verdict}`)
  return [...parts, ...(running > 0 ? [`${running} running`] : [])].join(", ")
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`

const loud = (count: number, { yellow, dim }: Paint) => (count > 0 ? yellow : dim)
