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
import { type Lift, liftOf, type Way, wayOf } from "./lift.ts"
import type { Measured } from "./measured.ts"
import { type Spread, spreadsOf } from "./measures.ts"
import { hull, ratioBootstrap } from "./stats/bootstrap.ts"
import { type Interval, wilson } from "./stats/wilson.ts"
import { type Moment, successOf } from "./summary.ts"

/** One variant over all cells. Intervals of rates are as wide as the wider of Wilson's and of a bootstrap that draws cells. */
export interface Total {
  variant: string
  /** Cells in which it has a trial that counts. */
  cells: number
  /** Where something was broken. */
  broken: Rate & { lift: Lift | null; of_the_way: Way | null }
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

/** The controls that every other variant is measured against. */
export const NOBODY = "nobody"
export const ORACLE = "oracle"

/** One variant's total, from its attempts in each cell; `cellsOf` gives those of any variant. */
export function totalOf(
  variant: string,
  cells: readonly Attempts[],
  cellsOf: (variant: string) => readonly Attempts[],
): Total {
  const attempts = cells.flatMap(({ all }) => all)
  const some = cells.filter(({ counted }) => counted.length > 0)
  const broken = some.filter(isBroken)
  const unbroken = some.filter((cell) => !isBroken(cell)).map(({ counted }) => counted)
  const against = (other: string) => cellsOf(other).filter(isBroken)
  const clusters = broken.map(({ counted }) => counted)
  const counted = some.flatMap((cell) => cell.counted)
  const summed = (what: "invalid" | "errors" | "running") => sum(cells.map(({ summary }) => summary[what]))
  return {
    variant,
    cells: some.length,
    broken: {
      ...rateOf(clusters, isSuccess),
      lift: variant === NOBODY ? null : liftOf(against(NOBODY), broken),
      of_the_way: variant === NOBODY ? null : wayOf(against(NOBODY), broken, against(ORACLE)),
    },
    unbroken: {
      ...rateOf(unbroken, isSuccess),
      false_alarms: rateOf(unbroken, ({ facts }) => (facts?.tickets ?? 0) > 0),
      false_actions: rateOf(unbroken, ({ facts }) => facts !== null && facts.acted_ms !== null),
      damaged: rateOf(unbroken, ({ verdict }) => verdict === "damaged"),
    },
    times: timeSummaries(clusters.flat(), clusters),
    measures: spreadsOf(counted),
    dollars: dollarsOf(
      attempts,
      counted,
      some.map((cell) => cell.counted),
    ),
    pass: meanPass(broken),
    invalid: summed("invalid"),
    errors: summed("errors"),
    running: summed("running"),
    texts: new Set(attempts.map(({ variant_text }) => variant_text)).size,
  }
}

// internal

const isBroken = ({ summary }: Attempts) => !isNoFault(summary.fault)

const isSuccess = ({ fault, verdict }: Measured) => verdict === successOf(fault)

function rateOf(cells: readonly (readonly Measured[])[], is: (trial: Measured) => boolean): Rate {
  const parts = cells.map((cell) => ({ of: cell.filter(is).length, by: cell.length }))
  const [count, n] = [sum(parts.map(({ of }) => of)), sum(parts.map(({ by }) => by))]
  const bounds = hull(wilson(count, n), ratioBootstrap(parts, { seed: SEED }))
  return { count, n, rate: n === 0 ? null : count / n, ...bounds }
}

function meanPass(cells: readonly Attempts[]): Pass[] {
  const passes = cells.map(({ summary }) => passesOf(summary))
  return (passes[0] ?? []).flatMap(({ k }) => {
    const of_k = passes.flatMap((pass) => pass.find((one) => one.k === k) ?? [])
    const mean = (what: "at" | "all") => sum(of_k.map((pass) => pass[what])) / of_k.length
    return of_k.length < cells.length ? [] : [{ k, at: mean("at"), all: mean("all") }]
  })
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
