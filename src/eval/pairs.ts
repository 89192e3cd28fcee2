import type { Measured } from "./measured.ts"
import { cellKey, counts, lastAttempts } from "./summary.ts"

/** The same cell, seed and repetition under A and under B; both count. */
export interface Pair {
  a: Measured
  b: Measured
}

export interface Pairing {
  pairs: Pair[]
  /** Pairs of which an arm does not count: invalid, an error, or not ended. */
  dropped: number
  /** Trials of either without a partner. */
  alone: number
}

/** What partners have in common beside cell, seed and repetition. */
export type Also = readonly ("campaign" | "variant")[]

/** Pairs the last attempts at trials, in the order of A's. */
export function pairUp(a: readonly Measured[], b: readonly Measured[], also: Also): Pairing {
  const keyOf = (trial: Measured) =>
    JSON.stringify([cellKey(trial), trial.seed, trial.repetition, ...also.map((one) => trial[one])])
  const partners = new Map(lastAttempts(b).map((trial) => [keyOf(trial), trial]))
  const of_a = lastAttempts(a)
  const matched = of_a.flatMap((one) => {
    const other = partners.get(keyOf(one))
    return other ? [{ a: one, b: other }] : []
  })
  const pairs = matched.filter(({ a, b }) => counts(a) && counts(b))
  const alone = of_a.length + partners.size - 2 * matched.length
  return { pairs, dropped: matched.length - pairs.length, alone }
}

/** What differs within pairs although it should not: then they are not the same trial under two sides. */
export function caveatsOf(pairs: readonly Pair[]): string[] {
  const differ = (of: (trial: Measured) => unknown) => pairs.some(({ a, b }) => of(a) !== of(b))
  const same_variant = pairs.filter(({ a, b }) => a.variant === b.variant)
  const changed = same_variant.filter(({ a, b }) => a.variant_text !== b.variant_text).map(({ a }) => a.variant)
  return [
    ...(differ(({ subject_text }) => subject_text) ? ["the subject was changed in between"] : []),
    ...[...new Set(changed)].map((variant) => `the variant ${variant} was changed in between`),
    ...(differ(({ facts }) => facts?.horizon_ms) ? ["the deadlines differ: who has longer repairs more"] : []),
    ...(differ(({ judge_version }) => judge_version)
      ? ["the judges differ: operator eval regrade lets one judge all"]
      : []),
  ]
}
