import { isNoFault } from "../store/injections.ts"
import type { Trial } from "../store/trials.ts"
import type { Result } from "./results.ts"
import { type CensoredTime, median } from "./stats/survival.ts"
import { type Interval, wilson } from "./stats/wilson.ts"
import { type Verdict, VERDICTS } from "./verdict.ts"

/** `on_restart` where it is not as usual. */
export type Cell = Pick<Trial, "subject" | "fault" | "target" | "params"> & Partial<Pick<Trial, "on_restart">>

/** What came of one cell under one variant, as `--json` prints it. */
export interface Summary extends Cell {
  variant: string
  /** Trials that count: the last attempt at each, when it is neither invalid nor an error and has ended. */
  n: number
  /** How many of them have which verdict. */
  verdicts: Partial<Record<Verdict, number>>
  /** `rate` is null without a trial that counts; the interval is Wilson's, of 95 %. */
  success: { verdict: Verdict; count: number; rate: number | null } & Interval
  /** Over the trials that count, from the moment at which the fault was active; null where there is nothing to wait for. */
  medians: Record<Moment, CensoredTime | null>
  /** Trials in which the fault had no effect. */
  invalid: number
  /** Attempts that ended in an error, those that were made good by a later one included. */
  errors: number
  /** Trials of which the last attempt has not ended. */
  running: number
}

export const MOMENTS = ["detected", "acted", "recovered"] as const
export type Moment = (typeof MOMENTS)[number]

/** The verdict that counts as a success: where nothing is broken, nothing ought to happen. */
export function successOf(fault: string): Verdict {
  return isNoFault(fault) ? "quiet" : "repaired"
}

/** A row for each cell and variant: cells by name, and in each the variants in one order, the most successful one first. */
export function summariesOf(results: readonly Result[]): Summary[] {
  const summaries = [...Map.groupBy(results, armKey).values()].map(summaryOf)
  const variants = bestFirst(summaries.map(({ variant, n, success }) => ({ variant, n, successes: success.count })))
  const place = (variant: string) => variants.findIndex((one) => one.variant === variant)
  return summaries.sort((a, b) => compare(cellKey(a), cellKey(b)) || place(a.variant) - place(b.variant))
}

export interface VariantSuccess {
  variant: string
  /** Trials that count, over all cells. */
  n: number
  successes: number
}

/** Variants with all that is said of them put together, those with the greater share of successes first. */
export function bestFirst(parts: readonly VariantSuccess[]): VariantSuccess[] {
  const share = ({ n, successes }: VariantSuccess) => (n === 0 ? 0 : successes / n)
  return [...Map.groupBy(parts, ({ variant }) => variant)]
    .map(([variant, of_it]) => ({
      variant,
      n: of_it.reduce((sum, { n }) => sum + n, 0),
      successes: of_it.reduce((sum, { successes }) => sum + successes, 0),
    }))
    .sort((a, b) => share(b) - share(a) || compare(a.variant, b.variant))
}

/**
 * The last attempt at each trial, in the order of the first ones. An error that a later attempt made good is left out. Trials of
 * several campaigns are never attempts at one.
 */
export function lastAttempts<R extends Result>(results: readonly R[]): R[] {
  const key = (result: R) => `${result.campaign} ${trialKey(result)}`
  return [...Map.groupBy(results, key).values()].map((attempts) => attempts.at(-1)!)
}

/** The same for all trials of a cell under one variant. */
export function armKey(result: Cell & Pick<Trial, "variant">): string {
  return JSON.stringify([cellKey(result), result.variant])
}

/** The trials that count: the last attempt at each, when it has ended and is neither invalid nor an error. */
export function countedIn<R extends Result>(results: readonly R[]): R[] {
  return lastAttempts(results).filter(counts)
}

/** Whether it has a verdict that says something about who was on call. */
export function counts({ verdict }: Pick<Result, "verdict">): boolean {
  return verdict !== null && !NOT_COUNTED.includes(verdict)
}

/** An attempt that died with its runner is an error already before it is judged. */
export function isError({ verdict, stage }: Pick<Result, "verdict" | "stage">): boolean {
  return verdict === "error" || stage === "error"
}

/**
 * When something came in each of the trials. An agent that did not act in one of them is one that took longer than anybody looked;
 * null when there was nothing to wait for in any.
 */
export function timesOf(results: readonly Result[], moment: Moment): CensoredTime[] | null {
  const times = results.map((result) => timeOf(result, moment))
  if (times.every((time) => time === null)) return null
  return results.map(({ facts }, i) => times[i] ?? { ms: facts?.horizon_ms ?? 0, censored: true })
}

/** The same for all attempts at one trial, and for no other trial of its campaign. */
export function trialKey(trial: Cell & Pick<Trial, "variant" | "repetition">): string {
  return JSON.stringify([cellKey(trial), trial.variant, trial.repetition])
}

/** The same for all trials of a cell. */
export function cellKey({ subject, fault, target, params, on_restart }: Cell): string {
  return JSON.stringify([subject, fault, target, params, ...(on_restart === "void" ? [on_restart] : [])])
}

/**
 * When something came in a trial; censored at its horizon when it was awaited in vain. Null: there was nothing to wait for, or
 * an error cut the wait short.
 */
export function timeOf({ facts, verdict }: Pick<Result, "facts" | "verdict">, moment: Moment): CensoredTime | null {
  if (facts === null) return null
  const broken = !isNoFault(facts.fault) && facts.symptom_ms !== null
  const ms = facts[`${moment}_ms`]
  if (ms !== null) return moment !== "recovered" || broken ? { ms, censored: false } : null
  return moment !== "acted" && broken && verdict !== "error" ? { ms: facts.horizon_ms, censored: true } : null
}

// internal

function summaryOf(attempts: Result[]): Summary {
  const { subject, fault, target, params, variant, on_restart } = attempts[0]!
  const last = lastAttempts(attempts)
  const with_verdict = (verdict: Verdict) => last.filter((result) => result.verdict === verdict).length
  const counted = last.filter(counts)
  const verdict = successOf(fault)
  const count = with_verdict(verdict)
  const n = counted.length
  return {
    ...{ subject, fault, target, params, variant, n },
    ...(on_restart && { on_restart }),
    verdicts: Object.fromEntries(
      VERDICTS.filter((one) => !NOT_COUNTED.includes(one) && with_verdict(one) > 0).map((one) => [
        one,
        with_verdict(one),
      ]),
    ),
    success: { verdict, count, rate: n === 0 ? null : count / n, ...wilson(count, n) },
    medians: {
      detected: medianOf(counted, "detected"),
      acted: medianOf(counted, "acted"),
      recovered: medianOf(counted, "recovered"),
    },
    invalid: with_verdict("invalid"),
    errors: attempts.filter(isError).length,
    running: last.filter((result) => result.verdict === null && !isError(result)).length,
  }
}

const NOT_COUNTED: readonly Verdict[] = ["invalid", "error"]

function medianOf(results: readonly Result[], moment: Moment): CensoredTime | null {
  const times = timesOf(results, moment)
  return (times && median(times)) ?? null
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
