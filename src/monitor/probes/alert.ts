import { scanPromql } from "../../lib/promql.ts"
import { clipped, squeezed } from "../../lib/text.ts"
import type { Lab } from "../../lab/lab.ts"
import type { Observation } from "../judge.ts"
import { labelOfSeries } from "./alert-label.ts"
import { type QueryResult, queryPrometheus, type Series } from "./alert-query.ts"
import type { ProbeOptions } from "./answer.ts"

/** Samples older than this are not of now: twice the interval at which Prometheus scrapes when it is told nothing else. */
export const STALE_AFTER_MS = 120_000
/** Prometheus and this machine disagree by more than this about the time: its "now" is not ours. */
const CLOCKS_APART_MS = 30_000

/** What an alert asks, and what people are told when it fires. */
export interface Alert {
  prometheus: string
  expression: string
  about?: string | undefined
  /** Metrics that it names and that need not be there. */
  may_be_missing?: readonly string[] | undefined
}

/**
 * What one look at an alert has seen: the whole, and each series that is there, `undefined` where it has no number. A series that
 * is not there any more is over. Without `parts` nothing can be said of any series.
 */
export interface Spread {
  whole: Observation
  parts?: ReadonlyMap<string, Observation | undefined>
}

/** The part that a series without labels is: the whole itself. */
export const UNLABELLED = ""

/**
 * Asks Prometheus once. Each series that the expression returns is violated. No series is ok only while each metric that the
 * expression names, but for those that may be missing, has fresh samples; else an expression that nothing can ever match would pass for good health.
 */
export async function alertProbe(
  lab: Pick<Lab, "resolve" | "subject">,
  { prometheus, expression, about, may_be_missing = [] }: Alert,
  options: Pick<ProbeOptions, "timeout_ms" | "signal">,
): Promise<Spread> {
  const { metrics } = scanPromql(expression)
  const ask = (query: string) => queryPrometheus({ lab, url: prometheus }, query, options)
  const [found, ages] = await Promise.all([ask(expression), ask(agesOf(metrics))])
  const doubt = doubtful(found) ?? doubtful(ages) ?? tooOld(ages)
  if (doubt !== undefined || found.kind === "blind") return { whole: unknown(doubt ?? "nothing was seen") }

  const parts = partsOf(found.series, {
    services: lab.subject.services,
    what: about ?? clipped(squeezed(expression), MAX_SHOWN_CHARS),
  })
  const numberless = found.series.filter(({ value }) => value === undefined).length
  const violated = [...parts].flatMap(([node, seen]) => (seen ? [node] : []))
  if (violated.length > 0) return { whole: parts.get(UNLABELLED) ?? manyOf(violated), parts }
  if (numberless > 0) return { whole: unknown(`${numberless} series without a number`), parts }
  const missing = metrics.filter((metric) => !agesIn(ages).has(metric) && !may_be_missing.includes(metric))
  if (missing.length > 0) return { whole: unknown(`Prometheus has no series of ${missing.join(", ")}`) }
  return { whole: { status: "ok", value: null, reason: null }, parts }
}

// internal

/** The label under which `agesOf` says which metric it speaks of. */
const METRIC = "metric"
/** Of an expression in a reason. */
const MAX_SHOWN_CHARS = 200
/** Labels of violated series that the whole names. */
const MAX_NAMED = 5

/** How old the newest sample of each metric is, in seconds; a metric that has none is left out. */
function agesOf(metrics: readonly string[]): string {
  const ages = metrics.map((metric) => {
    const name = JSON.stringify(metric)
    return `label_replace(time() - max(timestamp({__name__=${name}})), "${METRIC}", ${name}, "", "")`
  })
  return ages.join(" or ")
}

function agesIn(ages: QueryResult): Map<string, Series> {
  return new Map(ages.kind === "series" ? ages.series.map((one) => [one.labels[METRIC] ?? "", one]) : [])
}

/** Why an answer cannot be believed. */
function doubtful(result: QueryResult): string | undefined {
  if (result.kind === "blind") return result.reason
  const apart_ms = Math.max(0, ...result.series.map(({ at_ms }) => Math.abs(Date.now() - at_ms)))
  if (apart_ms <= CLOCKS_APART_MS) return undefined
  return `Prometheus' answer is ${Math.round(apart_ms / 1_000)} s away from this machine's time`
}

function tooOld(ages: QueryResult): string | undefined {
  for (const [metric, { value }] of agesIn(ages)) {
    if (value !== undefined && value * 1_000 > STALE_AFTER_MS)
      return `Prometheus' newest sample of ${metric} is ${Math.round(value)} s old`
  }
  return undefined
}

function partsOf(
  series: readonly Series[],
  { services, what }: { services: readonly string[]; what: string },
): Map<string, Observation | undefined> {
  const parts = new Map<string, Observation | undefined>()
  for (const { labels, value } of series) {
    const node = labelOfSeries(labels, services) ?? UNLABELLED
    // Series that differ in nothing that a name tells are one part, which is violated when one of them is.
    if (value === undefined) parts.set(node, parts.get(node))
    else parts.set(node, violatedBy(labels, value, what))
  }
  return parts
}

function violatedBy(labels: Record<string, string>, value: number, what: string): Observation {
  const shown = Number.isFinite(value) ? Number(value.toPrecision(4)) : String(value)
  return { status: "violated", value: { labels, value: shown }, reason: `${what}: ${shown}` }
}

function manyOf(nodes: readonly string[]): Observation {
  const more = nodes.length > MAX_NAMED ? ` and ${nodes.length - MAX_NAMED} more` : ""
  const reason = `${nodes.length} series: ${nodes.slice(0, MAX_NAMED).join("; ")}${more}`
  return { status: "violated", value: { series: nodes.length }, reason }
}

function unknown(reason: string): Observation {
  return { status: "unknown", value: null, reason }
}
