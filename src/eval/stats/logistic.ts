import { CHI_SQUARED_95 } from "./normal.ts"

/** What came of the trials of one severity. */
export interface Dose {
  severity: number
  successes: number
  n: number
}

/**
 * A curve of success against severity: log odds are `intercept + slope × severity`. `separated`: one severity parts successes from
 * failures, so that the slope has no bound, and both are null. `half` is where half of the trials succeed.
 */
export interface LogisticFit {
  intercept: number | null
  slope: number | null
  separated: boolean
  /** The interval is that of the profile likelihood, which holds where the curve is separated, too; null: it has no bound. */
  half: { severity: number; low: number | null; high: number | null }
}

/**
 * Fits by maximum likelihood. Undefined when nothing can be fitted: fewer than two severities, or nothing but successes, or nothing
 * but failures.
 */
export function fitLogistic(given: readonly Dose[]): LogisticFit | undefined {
  const doses = given.filter(({ n }) => n > 0)
  const severities = doses.map(({ severity }) => severity)
  const [successes, n] = [sum(doses.map((dose) => dose.successes)), sum(doses.map((dose) => dose.n))]
  if (new Set(severities).size < 2 || successes === 0 || successes === n) return undefined
  const [centre, scale] = [sum(severities) / doses.length, Math.max(...severities) - Math.min(...severities)]
  const scaled = doses.map((dose) => ({ ...dose, severity: (dose.severity - centre) / scale }))
  const parting = separation(scaled)
  const fitted = parting === undefined ? newton(scaled) : undefined
  const best = fitted ? likelihood(scaled, fitted.intercept, fitted.slope) : separatedLikelihood(scaled, parting!)
  const half = fitted ? -fitted.intercept / fitted.slope : parting!
  const bounds = halfBounds(scaled, half, best, doseless(successes, n))
  const back = (x: number) => centre + x * scale
  return {
    intercept: fitted ? fitted.intercept - (fitted.slope * centre) / scale : null,
    slope: fitted ? fitted.slope / scale : null,
    separated: parting !== undefined,
    half: { severity: back(half), low: bounds && back(bounds.low), high: bounds && back(bounds.high) },
  }
}

// internal

const STEPS = 100
/** Of a search by thirds, and of one by halves: each finds more digits than anybody reads. */
const THIRDS = 60
const HALVES = 30
/** In scaled units: so steep a curve is a step. */
const STEEPEST = 5_000
/** In scaled units: nobody asks what comes so far outside. */
const FARTHEST = 1e6

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** log(1 / (1 + e^-x)), without overflow. */
const logSigmoid = (x: number) => (x > 0 ? -Math.log1p(Math.exp(-x)) : x - Math.log1p(Math.exp(x)))

function likelihood(doses: readonly Dose[], intercept: number, slope: number): number {
  let total = 0
  for (const { severity, successes, n } of doses) {
    const x = intercept + slope * severity
    if (successes > 0) total += successes * logSigmoid(x)
    if (successes < n) total += (n - successes) * logSigmoid(-x)
  }
  return total
}

/** The likelihood when severity says nothing. */
function doseless(successes: number, n: number): number {
  const part = (count: number) => (count === 0 ? 0 : count * Math.log(count / n))
  return part(successes) + part(n - successes)
}

/** The severity that parts successes from failures, or undefined. At that severity itself there may be both. */
function separation(doses: readonly Dose[]): number | undefined {
  const with_success = doses.filter(({ successes }) => successes > 0).map(({ severity }) => severity)
  const with_failure = doses.filter(({ successes, n }) => successes < n).map(({ severity }) => severity)
  const falls = [Math.max(...with_success), Math.min(...with_failure)] as const
  const rises = [Math.max(...with_failure), Math.min(...with_success)] as const
  const parted = [falls, rises].find(([last, first]) => last <= first)
  return parted && (parted[0] + parted[1]) / 2
}

/** What a curve approaches that becomes ever steeper: only where both happen is anything left unexplained. */
function separatedLikelihood(doses: readonly Dose[], at: number): number {
  return sum(doses.filter(({ severity }) => severity === at).map(({ successes, n }) => doseless(successes, n)))
}

/** Newton's method, a step halved until it helps. Without separation there is one maximum. */
function newton(doses: readonly Dose[]): { intercept: number; slope: number } {
  let [intercept, slope] = [0, 0]
  for (let step = 0; step < STEPS; step++) {
    let [g0, g1, h00, h01, h11] = [0, 0, 0, 0, 0]
    for (const { severity, successes, n } of doses) {
      const p = Math.exp(logSigmoid(intercept + slope * severity))
      const [error, weight] = [successes - n * p, n * p * (1 - p)]
      g0 += error
      g1 += error * severity
      h00 += weight
      h01 += weight * severity
      h11 += weight * severity ** 2
    }
    const determinant = h00 * h11 - h01 ** 2
    const [by0, by1] = [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant]
    const now = likelihood(doses, intercept, slope)
    let share = 1
    while (share > 1e-9 && !(likelihood(doses, intercept + share * by0, slope + share * by1) >= now)) share /= 2
    intercept += share * by0
    slope += share * by1
    if (Math.abs(by0) + Math.abs(by1) < 1e-12) break
  }
  return { intercept, slope }
}

/** Where the profile likelihood falls off by what χ² allows; null when it never does, since severity may say nothing at all. */
function halfBounds(doses: readonly Dose[], half: number, best: number, flat: number) {
  const limit = best - CHI_SQUARED_95 / 2
  if (flat >= limit) return null
  const bound = (direction: 1 | -1) => {
    let [inside, outside] = [0, 0.01]
    while (profile(doses, half + direction * outside) > limit && outside < FARTHEST)
      [inside, outside] = [outside, outside * 2]
    for (let step = 0; step < HALVES; step++) {
      const middle = (inside + outside) / 2
      if (profile(doses, half + direction * middle) > limit) inside = middle
      else outside = middle
    }
    return half + direction * inside
  }
  return { low: bound(-1), high: bound(1) }
}

/** The greatest likelihood of any curve whose half lies at `at`. It is concave in the slope, so thirds find it. */
function profile(doses: readonly Dose[], at: number): number {
  const of = (slope: number) => likelihood(doses, -slope * at, slope)
  let [low, high] = [-STEEPEST, STEEPEST]
  for (let step = 0; step < THIRDS; step++) {
    const third = (high - low) / 3
    if (of(low + third) < of(high - third)) low += third
    else high -= third
  }
  return of((low + high) / 2)
}
