import type { Measured } from "./measured.ts"
import { type Spread, spreadsOf } from "./measures.ts"
import { hull, ratioBootstrap } from "./stats/bootstrap.ts"
import { passAll, passAt } from "./stats/pass.ts"
import { type CensoredTime, median, type RestrictedMean, restrictedMean } from "./stats/survival.ts"
import { countedIn, type Moment, successOf, type Summary, timesOf } from "./summary.ts"

/** One cell under one variant, with all measures side by side. */
export interface Arm extends Summary {
  times: Record<Moment, TimeSummary | null>
  /** By the names of MEASURES; null where it is known of no trial. */
  measures: Record<string, Spread | null>
  dollars: Dollars
  /** For a few k up to n, where there is more than one trial. */
  pass: Pass[]
}

/** When something came, by Kaplan and Meier. */
export interface TimeSummary {
  n: number
  /** Trials in which it was awaited in vain. */
  censored: number
  median: CensoredTime
  /** Up to the shortest horizon of the trials. */
  mean: RestrictedMean
}

export interface Dollars {
  /** Of the trials that count. Null: a price is not known. */
  total_usd: number | null
  /** Of every other attempt. */
  not_counted_usd: number | null
  /** What a success cost, failures included, by ratio bootstrap; a bound of null has none. Null: no success, or not known. */
  per_success: { usd: number; low: number | null; high: number | null } | null
}

export interface Pass {
  k: number
  /** pass@k: at least one of k succeeds. */
  at: number
  /** pass^k: all of k do. */
  all: number
}

/** The same seed, the same intervals. */
export const SEED = 1

/** All attempts of one cell under one variant, and those that count. */
export interface Attempts {
  summary: Summary
  all: readonly Measured[]
  counted: readonly Measured[]
}

export function attemptsOf(summary: Summary, all: readonly Measured[]): Attempts {
  return { summary, all, counted: countedIn(all) }
}

export function armOf({ summary, all, counted }: Attempts): Arm {
  return {
    ...summary,
    times: timeSummaries(counted),
    measures: spreadsOf(counted),
    dollars: dollarsOf(all, counted),
    pass: passesOf(summary),
  }
}

/** Where `clusters` are given, intervals are those of trials and of clusters together. */
export function timeSummaries(
  counted: readonly Measured[],
  clusters: readonly (readonly Measured[])[] = [],
): Record<Moment, TimeSummary | null> {
  const horizon_ms = counted.reduce((least, { facts }) => Math.min(least, facts?.horizon_ms ?? Infinity), Infinity)
  const of = (moment: Moment) => {
    const times = timesOf(counted, moment)
    return (
      times &&
      timeSummary(
        times,
        clusters.map((cluster) => timesOf(cluster, moment) ?? []),
        horizon_ms,
      )
    )
  }
  return { detected: of("detected"), acted: of("acted"), recovered: of("recovered") }
}

/** Dollars of all attempts; `counted` are those among them that count. Each unit of `clusters` is drawn as a whole. */
export function dollarsOf(
  attempts: readonly Measured[],
  counted: readonly Measured[],
  clusters: readonly (readonly Measured[])[] = counted.map((trial) => [trial]),
): Dollars {
  const total_usd = dollars(counted)
  const all_usd = dollars(attempts)
  const successes = succeeded(counted)
  return {
    total_usd,
    not_counted_usd: total_usd === null || all_usd === null ? null : all_usd - total_usd,
    per_success: total_usd === null || successes === 0 ? null : perSuccess(clusters, total_usd / successes),
  }
}

/** None of a single trial: it would be the rate again. */
export function passesOf({ n, success }: Pick<Summary, "n" | "success">): Pass[] {
  return K.filter((k) => n > 1 && k <= n).map((k) => ({
    k,
    at: passAt(k, success.count, n) ?? 0,
    all: passAll(k, success.count, n) ?? 0,
  }))
}

export function succeeded(trials: readonly Pick<Measured, "fault" | "verdict">[]): number {
  return trials.filter(({ fault, verdict }) => verdict === successOf(fault)).length
}

// internal

/** k of pass@k and pass^k. */
const K = [1, 2, 3, 5, 10]

function timeSummary(times: CensoredTime[], clusters: CensoredTime[][], horizon_ms: number): TimeSummary | null {
  const middle = median(times)
  if (!middle) return null
  const mean = restrictedMean(times, horizon_ms)
  const parts = clusters.map((cluster) => ({
    of: cluster.reduce((sum, { ms }) => sum + Math.min(ms, horizon_ms), 0),
    by: cluster.length,
  }))
  const { low, high } = mean
  const bounds = low === null || high === null ? {} : hull({ low, high }, ratioBootstrap(parts, { seed: SEED }))
  const censored = times.filter((time) => time.censored).length
  return { n: times.length, censored, median: middle, mean: { ...mean, ...bounds } }
}

function dollars(trials: readonly Measured[]): number | null {
  return trials.reduce<number | null>(
    (sum, { cost_usd }) => (sum === null || cost_usd === null ? null : sum + cost_usd),
    0,
  )
}

function perSuccess(clusters: readonly (readonly Measured[])[], usd: number): Dollars["per_success"] {
  // Where nothing was paid nothing is unsure.
  if (usd === 0) return { usd, low: 0, high: 0 }
  const parts = clusters.map((trials) => ({ of: dollars(trials) ?? 0, by: succeeded(trials) }))
  return { usd, ...(ratioBootstrap(parts, { seed: SEED }) ?? { low: null, high: null }) }
}
