import { Z_95 } from "./normal.ts"

/** The bounds between which something lies with 95 % confidence. */
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
