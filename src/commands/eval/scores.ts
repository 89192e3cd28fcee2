import type { Dollars, Pass, TimeSummary } from "../../eval/arm.ts"
import { MEASURES, type Measure, type Spread } from "../../eval/measures.ts"
import { MOMENTS } from "../../eval/summary.ts"
import type { Rate, Total } from "../../eval/totals.ts"
import { showDollars } from "../../lib/dollars.ts"
import { showDuration } from "../../lib/duration.ts"
import { showCensored, showInterval, showPercent } from "../campaign/words.ts"
import type { ScoreRow } from "./scorecard.ts"

/** All measures of all variants; a measure that says nothing of any is left out. */
export function scoresOf(totals: readonly Total[]): ScoreRow[] {
  const row = (measure: string, of: (total: Total) => string): ScoreRow => ({ measure, values: totals.map(of) })
  const rows = [
    row("repaired", ({ broken }) => showRate(broken)),
    row("  lift over nobody", ({ broken }) => showLift(broken.lift)),
    row("  of the way to oracle", ({ broken: { of_the_way: way } }) =>
      way === null ? NONE : `${showPercent(way.share)}, ${showInterval(way)}`,
    ),
    row("  all of k (pass^k)", ({ pass }) => showPass(pass)),
    ...MOMENTS.flatMap((moment) => [
      row(`${moment}, median`, ({ times }) => showCensored(times[moment]?.median ?? null)),
      row("  mean", ({ times }) => showMean(times[moment])),
      row("  in vain", ({ times }) => showInVain(times[moment])),
    ]),
    row("quiet, nothing broken", ({ unbroken }) => showRate(unbroken)),
    row("  false alarms", ({ unbroken }) => showRate(unbroken.false_alarms)),
    row("  false actions", ({ unbroken }) => showRate(unbroken.false_actions)),
    row("  damaged", ({ unbroken }) => showRate(unbroken.damaged)),
    ...MEASURES.map((measure) =>
      row(`${measure.title} a trial`, ({ measures }) => showSpread(measures[measure.name], measure)),
    ),
    row("dollars in all", ({ dollars }) => (dollars.total_usd === 0 ? NONE : showDollars(dollars.total_usd))),
    row("  per success", ({ dollars }) => showPerSuccess(dollars)),
  ]
  const shown = rows.filter(({ values }) => values.some((value) => value !== NONE))
  return [
    ...shown,
    row("invalid", ({ invalid }) => String(invalid)),
    row("errors", ({ errors }) => String(errors)),
    ...(totals.some(({ running }) => running > 0) ? [row("running", ({ running }) => String(running))] : []),
  ]
}

/** Nothing is known, or there was nothing to know. */
export const NONE = "–"

/** "3 of 4, 30–95 %" */
export function showRate(rate: Rate): string {
  return rate.n === 0 ? NONE : `${rate.count} of ${rate.n}, ${showInterval(rate)}`
}

/** All of k trials succeed, for the greatest k that is known. */
export function showPass(pass: readonly Pass[]): string {
  const last = pass.at(-1)
  return last ? `${showPercent(last.all)} (k=${last.k})` : NONE
}

/** "+25 pp, −12 to +53": of rates that are subtracted the unit is the percentage point. */
export function showLift(lift: { difference: number | null; low: number; high: number } | null): string {
  if (lift === null || lift.difference === null) return NONE
  return `${signed(lift.difference)} pp, ${signed(lift.low)} to ${signed(lift.high)}`
}

/** Of a share in percentage points, with its sign. */
export function signed(share: number): string {
  const points = Math.round(share * 100)
  return points > 0 ? `+${points}` : points < 0 ? `−${-points}` : "0"
}

/** "1.2 s, 0.9–1.5": with the bounds where there are any. */
export function showMean(time: TimeSummary | null): string {
  if (time === null) return NONE
  const { ms, low, high } = time.mean
  return low === null || high === null
    ? showDuration(ms)
    : `${showDuration(ms)}, ${showDuration(low)} to ${showDuration(high)}`
}

export function showPerSuccess({ total_usd, per_success }: Dollars): string {
  if (total_usd === 0 || per_success === null) return total_usd === null ? "unknown" : NONE
  const { usd, low, high } = per_success
  const bounds = low === null ? "" : `, ${showDollars(low)} to ${high === null ? "∞" : showDollars(high)}`
  return `${showDollars(usd)}${bounds}`
}

export function showSpread(spread: Spread | null | undefined, { unit }: Pick<Measure, "unit">): string {
  if (!spread || spread.max === 0) return spread && unit === "count" ? "0" : NONE
  if (unit === "usd") return showDollars(spread.mean)
  return unit === "tokens" ? Math.round(spread.mean).toLocaleString("en-US") : spread.mean.toFixed(1)
}

// internal

function showInVain(time: TimeSummary | null): string {
  return time === null || time.censored === 0 ? NONE : `${time.censored} of ${time.n}`
}
