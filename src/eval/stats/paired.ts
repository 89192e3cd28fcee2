import { binomialFrom } from "./binomial.ts"
import { type Interval, wilson } from "./wilson.ts"

/** Pairs of trials of A and B by who succeeded. */
export interface PairCounts {
  both: number
  only_a: number
  only_b: number
  neither: number
}

/**
 * McNemar's exact test, two-sided: how likely pairs that differ are at least so one-sided when A and B are equally good (McNemar,
 * Psychometrika 12, 1947). 1 where none differs.
 */
export function mcnemar({ only_a, only_b }: Pick<PairCounts, "only_a" | "only_b">): number {
  const differing = only_a + only_b
  return differing === 0 ? 1 : Math.min(1, 2 * binomialFrom(Math.max(only_a, only_b), differing, 0.5))
}

/**
 * The success rate of B minus that of A over pairs, by Newcombe's square-and-add method (Statistics in Medicine 17, 1998, method
 * 10). Unlike a bootstrap it says something where no pair differs. Without pairs it says nothing: -1 to 1.
 */
export function pairedDifference(pairs: PairCounts): Interval & { difference: number | null } {
  const { both, only_a, only_b, neither } = pairs
  const n = both + only_a + only_b + neither
  if (n === 0) return { difference: null, low: -1, high: 1 }
  const [of_a, of_b] = [both + only_a, both + only_b]
  const [a, b] = [of_a / n, of_b / n]
  const [wilson_a, wilson_b] = [wilson(of_a, n), wilson(of_b, n)]
  const of_both = { a, b, wilson_a, wilson_b, phi: correlation(pairs, n) }
  return { difference: b - a, ...squareAndAdd(of_both) }
}

/** How far the successes of A and B go together: φ, from -1 to 1. Null where one of them always or never succeeds. */
export function phi(pairs: PairCounts): number | null {
  const { excess, margins } = excessOf(pairs)
  return margins === 0 ? null : excess / Math.sqrt(margins)
}

/** A number of trials and the successes among them. */
export interface Share {
  successes: number
  n: number
}

/** The success rate of B minus that of A over trials that share nothing (Newcombe, Statistics in Medicine 17, 1998, the other method 10). */
export function unpairedDifference(a: Share, b: Share): Interval {
  if (a.n === 0 || b.n === 0) return { low: -1, high: 1 }
  const [wilson_a, wilson_b] = [wilson(a.successes, a.n), wilson(b.successes, b.n)]
  return squareAndAdd({ a: a.successes / a.n, b: b.successes / b.n, wilson_a, wilson_b, phi: 0 })
}

// internal

interface Rates {
  a: number
  b: number
  wilson_a: Interval
  wilson_b: Interval
  phi: number
}

function squareAndAdd({ a, b, wilson_a, wilson_b, phi }: Rates): Interval {
  const reach = (one: number, other: number) => Math.sqrt(one ** 2 - 2 * phi * one * other + other ** 2)
  return {
    low: b - a - reach(b - wilson_b.low, wilson_a.high - a),
    high: b - a + reach(a - wilson_a.low, wilson_b.high - b),
  }
}

/** Of the two arms, made smaller where it is positive, as the method has it. */
function correlation(pairs: PairCounts, n: number): number {
  const { excess, margins } = excessOf(pairs)
  if (margins === 0) return 0
  return (excess > 0 ? Math.max(excess - n / 2, 0) : excess) / Math.sqrt(margins)
}

function excessOf({ both, only_a, only_b, neither }: PairCounts): { excess: number; margins: number } {
  const margins = (both + only_a) * (neither + only_b) * (both + only_b) * (neither + only_a)
  return { excess: both * neither - only_a * only_b, margins }
}
