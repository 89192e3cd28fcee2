import { isNoFault } from "../store/injections.ts"
import {
  type Attempts,
  type Dollars,
  dollarsOf,
  type Pass,
  passesOf,
  SEED,
  succeeded,
  type TimeSummary,
  timeSummaries,
} from "./arm.ts"
import type { Measured } from "./measured.ts"
import { type Spread, spreadsOf } from "./measures.ts"
import { hull, ratioBootstrap } from "./stats/bootstrap.ts"
import { detectableByTrials } from "./stats/detectable.ts"
import { unpairedDifference } from "./stats/paired.ts"
import { type Interval, wilson } from "./stats/wilson.ts"
import { cellKey, type Moment, successOf } from "./summary.ts"

/** One variant over all cells. Intervals of rates are as wide as the wider of Wilson's and of a bootstrap that draws cells. */
export interface Total {
  variant: string
  /** Cells in which it has a trial that counts. */
  cells: number
  /** Where something was broken. */
  broken: Rate & { lift: Lift | null; of_the_way: ({ share: number } & Interval) | null }
  /** Where nothing was. */
  unbroken: Rate & { false_alarms: Rate; false_actions: Rate; damaged: Rate }
  times: Record<Moment, TimeSummary | null>
  measures: Record<string, Spread | null>
  dollars: Dollars
  /** The mean over the cells in which something was broken, for each k that all of them have trials for. */
  pass: Pass[]
  invalid: number
  errors: number
  running: number
  /** More than one: its file was changed between the campaigns. */
  texts: number
}

/** `rate` is null without a trial that counts. */
export interface Rate extends Interval {
  count: number
  n: number
  rate: number | null
}

/** By how much a variant succeeds more often than nobody, over the cells that both have. */
export interface Lift extends Interval {
  difference: number
  cells: number
  /** The smallest difference that so many trials without pairs would have shown with 80 %; null: not even the greatest. */
  detectable: number | null
}

/** The controls that every other variant is measured against. */
export const NOBODY = "nobody"
export const ORACLE = "oracle"

/** One variant's total, from its attempts in each cell; `countedOf` gives the trials of any variant that count. */
export function totalOf(
  variant: string,
  cells: readonly Attempts[],
  countedOf: (variant: string) => readonly Measured[],
): Total {
  const attempts = cells.flatMap(({ all }) => all)
  const counted = countedOf(variant)
  const broken = counted.filter(({ fault }) => !isNoFault(fault))
  const unbroken = counted.filter(({ fault }) => isNoFault(fault))
  const against = (other: string) => countedOf(other).filter(({ fault }) => !isNoFault(fault))
  const summed = (what: "invalid" | "errors" | "running") => sum(cells.map(({ summary }) => summary[what]))
  return {
    variant,
    cells: cells.filter((cell) => cell.counted.length > 0).length,
    broken: {
      ...rateOf(broken, isSuccess),
      lift: variant === NOBODY ? null : liftOf(against(NOBODY), broken),
      of_the_way: variant === NOBODY ? null : wayOf(against(NOBODY), broken, against(ORACLE)),
    },
    unbroken: {
      ...rateOf(unbroken, isSuccess),
      false_alarms: rateOf(unbroken, ({ facts }) => (facts?.tickets ?? 0) > 0),
      false_actions: rateOf(unbroken, ({ facts }) => facts !== null && facts.acted_ms !== null),
      damaged: rateOf(unbroken, ({ verdict }) => verdict === "damaged"),
    },
    times: timeSummaries(broken, cellsOf(broken)),
    measures: spreadsOf(counted),
    dollars: dollarsOf(attempts, counted, cellsOf(counted)),
    pass: meanPass(cells.filter(({ summary }) => !isNoFault(summary.fault) && summary.n > 0)),
    invalid: summed("invalid"),
    errors: summed("errors"),
    running: summed("running"),
    texts: new Set(attempts.map(({ variant_text }) => variant_text)).size,
  }
}

// internal

const isSuccess = ({ fault, verdict }: Measured) => verdict === successOf(fault)

const cellsOf = (trials: readonly Measured[]) => [...Map.groupBy(trials, cellKey).values()]

function rateOf(trials: readonly Measured[], is: (trial: Measured) => boolean): Rate {
  const parts = cellsOf(trials).map((cell) => ({
    of: cell.filter(is).length,
    by: cell.length,
  }))
  const count = trials.filter(is).length
  const rate = trials.length === 0 ? null : count / trials.length
  return { count, n: trials.length, rate, ...hull(wilson(count, trials.length), ratioBootstrap(parts, { seed: SEED })) }
}

/** The rates of several arms in each cell that all of them have. */
function inCommon(...arms: (readonly Measured[])[]): { rates: number[]; trials: Measured[][] }[] {
  const by_cell = arms.map((trials) => Map.groupBy(trials, cellKey))
  return [...(by_cell[0]?.keys() ?? [])].flatMap((cell) => {
    const trials = by_cell.map((cells) => cells.get(cell))
    if (!trials.every((some) => some !== undefined)) return []
    return [{ rates: trials.map((some) => succeeded(some) / some.length), trials }]
  })
}

function liftOf(nobody: readonly Measured[], variant: readonly Measured[]): Lift | null {
  const cells = inCommon(nobody, variant)
  if (cells.length === 0) return null
  const parts = cells.map(({ rates }) => ({ of: rates[1]! - rates[0]!, by: 1 }))
  const share = (arm: number) => {
    const trials = cells.flatMap((cell) => cell.trials[arm]!)
    return { successes: succeeded(trials), n: trials.length }
  }
  const difference = sum(parts.map(({ of }) => of)) / cells.length
  const bounds = hull(unpairedDifference(share(0), share(1)), ratioBootstrap(parts, { seed: SEED }))
  const [least, rate] = [Math.min(share(0).n, share(1).n), share(0).successes / share(0).n]
  return { difference, cells: cells.length, ...bounds, detectable: detectableByTrials(least, rate) }
}

function meanPass(cells: readonly Attempts[]): Pass[] {
  const passes = cells.map(({ summary }) => passesOf(summary))
  return (passes[0] ?? []).flatMap(({ k }) => {
    const of_k = passes.flatMap((pass) => pass.find((one) => one.k === k) ?? [])
    const mean = (what: "at" | "all") => sum(of_k.map((pass) => pass[what])) / of_k.length
    return of_k.length < cells.length ? [] : [{ k, at: mean("at"), all: mean("all") }]
  })
}

/** How far a variant comes from what nobody does to what the known repair does. Null where that repair is no better than nobody. */
function wayOf(nobody: readonly Measured[], variant: readonly Measured[], oracle: readonly Measured[]) {
  const cells = inCommon(nobody, variant, oracle)
  const parts = cells.map(({ rates }) => ({ of: rates[1]! - rates[0]!, by: rates[2]! - rates[0]! }))
  const [of, by] = [sum(parts.map((part) => part.of)), sum(parts.map((part) => part.by))]
  if (by <= 0) return null
  const trials = cells.flatMap((cell) => cell.trials[1]!)
  const from = sum(cells.map(({ rates }) => rates[0]!))
  const way = (rate: number) => (rate * cells.length - from) / by
  const own = wilson(succeeded(trials), trials.length)
  return { share: of / by, ...hull({ low: way(own.low), high: way(own.high) }, ratioBootstrap(parts, { seed: SEED })) }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
