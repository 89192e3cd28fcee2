/** The bounds between which a rate lies with 95 % confidence. */
export interface Interval {
  low: number
  high: number
}

/**
 * Wilson's score interval of `successes` among `n` (Wilson, Journal of the American Statistical Association, 1927). Unlike
 * the usual one it holds for few trials, and for none or all of them. Without any trial it says nothing: 0 to 1.
 */
export function wilson(successes: number, n: number): Interval {
  if (n === 0) return { low: 0, high: 1 }
  const share = successes / n
  const widening = Z_95 ** 2 / n
  const centre = share + widening / 2
  const reach = Z_95 * Math.sqrt((share * (1 - share)) / n + Z_95 ** 2 / (4 * n ** 2))
  return {
    low: successes === 0 ? 0 : (centre - reach) / (1 + widening),
    high: successes === n ? 1 : (centre + reach) / (1 + widening),
  }
}

/** How long something took; censored: it had not come when `ms` had passed and nobody looked any longer. */
export interface CensoredTime {
  ms: number
  censored: boolean
}

/**
 * The first time at which it had come in at least half of the cases (Kaplan and Meier's median, where all that is censored
 * is censored last). A censored time is greater than any that is not, so the median of a majority that is censored is censored.
 * Undefined without any case.
 */
export function median(times: readonly CensoredTime[]): CensoredTime | undefined {
  const sorted = times.toSorted((a, b) => Number(a.censored) - Number(b.censored) || a.ms - b.ms)
  return sorted[Math.ceil(sorted.length / 2) - 1]
}

// internal

/** The standard normal distribution holds 95 % between minus this and this. */
const Z_95 = 1.959963984540054
