import { Z_95 } from "./normal.ts"

/** How long something took; censored: it had not come when `ms` had passed and nobody looked any longer. */
export interface CensoredTime {
  ms: number
  censored: boolean
}

/** One step of a curve: at `ms` it came in `came` of the `at_risk` cases that were still looked at, and `left` is the share in which it had not. */
export interface SurvivalStep {
  ms: number
  at_risk: number
  came: number
  left: number
}

/** Kaplan and Meier's estimate of the share in which something has not come yet (Journal of the American Statistical Association, 1958). */
export function survivalCurve(times: readonly CensoredTime[]): SurvivalStep[] {
  const sorted = inOrder(times)
  const steps: SurvivalStep[] = []
  let left = 1
  for (let i = 0; i < sorted.length;) {
    const { ms } = sorted[i]!
    const at_risk = sorted.length - i
    let came = 0
    for (; sorted[i]?.ms === ms; i++) if (!sorted[i]!.censored) came++
    if (came === 0) continue
    left *= 1 - came / at_risk
    steps.push({ ms, at_risk, came, left: left < ROUNDING ? 0 : left })
  }
  return steps
}

/**
 * The first time by which it had come in half of the cases. Censored at the longest time that anybody looked where it never had;
 * undefined without any case.
 */
export function median(times: readonly CensoredTime[]): CensoredTime | undefined {
  if (times.length === 0) return undefined
  const half = survivalCurve(times).find(({ left }) => left <= 0.5 + ROUNDING)
  if (half) return { ms: half.ms, censored: false }
  return { ms: times.reduce((longest, { ms }) => Math.max(longest, ms), 0), censored: true }
}

export interface RestrictedMean {
  ms: number
  /** Null: it came too seldom for an interval that would hold. */
  low: number | null
  high: number | null
  /** Times count as this when they are longer. */
  horizon_ms: number
}

/**
 * The mean time when nobody waits for longer than the horizon: the area under the curve, with Greenwood's variance (Klein and
 * Moeschberger, Survival Analysis, section 4.5). Where it is censored before the horizon the curve stays as it is.
 */
export function restrictedMean(times: readonly CensoredTime[], horizon_ms: number): RestrictedMean {
  const steps = survivalCurve(times).filter(({ ms }) => ms < horizon_ms)
  const corners = [{ ms: 0, left: 1 }, ...steps, { ms: horizon_ms, left: 0 }]
  const areas = corners.slice(0, -1).map(({ ms, left }, i) => left * (corners[i + 1]!.ms - ms))
  let [after, variance] = [0, 0]
  for (let i = steps.length; i > 0; i--) {
    const { at_risk, came } = steps[i - 1]!
    after += areas[i]!
    if (at_risk > came) variance += (after ** 2 * came) / (at_risk * (at_risk - came))
  }
  const ms = areas.reduce((sum, area) => sum + area, 0)
  if (steps.reduce((sum, { came }) => sum + came, 0) < FEWEST) return { ms, low: null, high: null, horizon_ms }
  const reach = Z_95 * Math.sqrt(variance)
  return { ms, low: Math.max(0, ms - reach), high: Math.min(horizon_ms, ms + reach), horizon_ms }
}

// internal

/** The variance of fewer times says next to nothing, and that of one or none is 0. */
const FEWEST = 5

/** A product of fractions is off by less. */
const ROUNDING = 1e-12

/** What came at the moment at which others were censored came before. */
function inOrder(times: readonly CensoredTime[]): CensoredTime[] {
  return times.toSorted((a, b) => a.ms - b.ms || Number(a.censored) - Number(b.censored))
}
