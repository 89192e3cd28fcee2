import { seeded } from "../../lib/random.ts"
import type { Interval } from "./wilson.ts"

/** Enough for the bounds of 95 % to stay where they are by a hundredth of their width. */
export const RESAMPLES = 2_000

/**
 * The interval of a statistic over units that are drawn again and again, with putting back (Efron and Tibshirani, An Introduction
 * to the Bootstrap, chapter 13: percentiles). `statistic` gets how often each unit was drawn. What is not finite counts as beyond
 * everything; a bound that is there is null. Fewer than two units say nothing about others: null.
 */
export function bootstrap(
  units: number,
  statistic: (times_drawn: Uint32Array) => number,
  { seed, resamples = RESAMPLES }: { seed: number; resamples?: number },
): { low: number | null; high: number | null } | null {
  if (units < 2) return null
  const random = seeded(seed)
  const drawn = new Uint32Array(units)
  const values = new Float64Array(resamples)
  for (let i = 0; i < resamples; i++) {
    drawn.fill(0)
    for (let j = 0; j < units; j++) drawn[Math.floor(random() * units)]!++
    const value = statistic(drawn)
    values[i] = Number.isNaN(value) ? Infinity : value
  }
  values.sort()
  const at = (share: number) => finite(values[Math.min(resamples - 1, Math.floor(share * resamples))]!)
  return { low: at(TAIL), high: at(1 - TAIL) }
}

/** A sum over each unit, and what it is divided by: successes and trials of a cell, dollars and repairs of a trial. */
export interface Part {
  of: number
  by: number
}

/** The interval of one sum divided by another; null as in `bootstrap`. */
export function ratioBootstrap(parts: readonly Part[], options: { seed: number; resamples?: number }) {
  const [of, by] = [Float64Array.from(parts, (part) => part.of), Float64Array.from(parts, (part) => part.by)]
  const ratio = (drawn: Uint32Array) => {
    let [sum_of, sum_by] = [0, 0]
    for (let i = 0; i < drawn.length; i++) {
      const times = drawn[i]!
      if (times === 0) continue
      sum_of += times * of[i]!
      sum_by += times * by[i]!
    }
    return sum_of / sum_by
  }
  return bootstrap(parts.length, ratio, options)
}

/** The bounds of several intervals together: as unsure as the least sure of them. */
export function hull(first: Interval, ...others: ({ low: number | null; high: number | null } | null)[]): Interval {
  return {
    low: Math.min(first.low, ...others.map((one) => one?.low ?? first.low)),
    high: Math.max(first.high, ...others.map((one) => one?.high ?? first.high)),
  }
}

// internal

const TAIL = 0.025

const finite = (value: number) => (Number.isFinite(value) ? value : null)
