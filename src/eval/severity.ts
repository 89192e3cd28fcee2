import { DURATION, parseDuration } from "../lib/duration.ts"
import type { Measured } from "./measured.ts"
import { type Dose, fitLogistic, type LogisticFit } from "./stats/logistic.ts"
import { type Interval, wilson } from "./stats/wilson.ts"
import { type Cell, cellKey, successOf } from "./summary.ts"

/** Success of one variant against one parameter of a fault, all others being equal. `params` are those others. */
export interface SeverityCurve extends Cell {
  variant: string
  parameter: string
  /** By rising severity. `value` is what the campaign says, `severity` a number: of a duration its milliseconds. */
  points: SeverityPoint[]
  /** Null: nothing can be fitted, for the reason that is given. */
  fit: LogisticFit | null
  reason: string | null
}

export interface SeverityPoint extends Dose, Interval {
  value: unknown
}

/**
 * Of the trials that count, a curve for each variant and each parameter that has several numeric values where everything else is
 * the same.
 */
export function severityCurves(counted: readonly Measured[]): SeverityCurve[] {
  const names = [...new Set(counted.flatMap(({ params }) => Object.keys(params)))].sort()
  return names.flatMap((parameter) => {
    const numeric = counted.filter(({ params }) => severityOf(params[parameter]) !== undefined)
    return [...Map.groupBy(numeric, (trial) => JSON.stringify([restKey(trial, parameter), trial.variant])).values()]
      .filter((group) => new Set(group.map(({ params }) => severityOf(params[parameter]))).size > 1)
      .map((group) => curveOf(group, parameter))
  })
}

// internal

/** A number, a share in percent, or a duration. */
function severityOf(value: unknown): number | undefined {
  if (typeof value === "number") return value
  if (typeof value !== "string") return undefined
  if (DURATION.test(value)) return parseDuration(value)
  const match = /^(\d+(?:\.\d+)?)\s*%?$/.exec(value)
  return match ? Number(match[1]) : undefined
}

function without({ params }: Pick<Cell, "params">, parameter: string): Cell["params"] {
  return Object.fromEntries(Object.entries(params).filter(([name]) => name !== parameter))
}

function restKey(cell: Cell, parameter: string): string {
  return cellKey({ ...cell, params: without(cell, parameter) })
}

function curveOf(group: readonly Measured[], parameter: string): SeverityCurve {
  const { subject, fault, target, variant } = group[0]!
  const doses = [...Map.groupBy(group, ({ params }) => severityOf(params[parameter])!)]
    .map(([severity, trials]) => {
      const successes = trials.filter(({ verdict }) => verdict === successOf(fault)).length
      const value = trials[0]!.params[parameter]
      return { value, severity, n: trials.length, successes, ...wilson(successes, trials.length) }
    })
    .sort((a, b) => a.severity - b.severity)
  const fit = fitLogistic(doses) ?? null
  const all = doses.every(({ n, successes }) => n === successes)
  const reason = fit ? null : all ? "every trial succeeded" : "no trial succeeded"
  return {
    subject,
    fault,
    target,
    params: without(group[0]!, parameter),
    variant,
    parameter,
    points: doses,
    fit,
    reason,
  }
}
