import { isNoFault } from "../store/injections.ts"
import { SEED } from "./arm.ts"
import { type Changes, changesBetween } from "./paired-measures.ts"
import { caveatsOf, type Pair, type Pairing } from "./pairs.ts"
import { hull, ratioBootstrap } from "./stats/bootstrap.ts"
import { ALPHA, detectableByPairs } from "./stats/detectable.ts"
import { holm } from "./stats/holm.ts"
import { mcnemar, type PairCounts, pairedDifference } from "./stats/paired.ts"
import type { Interval } from "./stats/wilson.ts"
import { cellKey, successOf } from "./summary.ts"

/** Two sides with names for people, and the pairs that they have. */
export interface Sides {
  a: string
  b: string
  pairing: Pairing
}

/** B against A. Differences are B's minus A's. */
export interface Comparison extends Pick<Pairing, "dropped" | "alone"> {
  a: string
  b: string
  pairs: number
  cells: number
  questions: Question[]
  /** Every measure, over the pairs in which both have it. */
  changes: Changes[]
  /** What else than the two sides was different, so that it may be what made the difference. */
  caveats: string[]
}

/** Who succeeds more often: at repairs where something was broken, at staying quiet where nothing was. */
export interface Question extends PairCounts, Interval {
  success: "repaired" | "quiet"
  pairs: number
  cells: number
  difference: number
  /** McNemar's exact test; `p_holm` is adjusted for all questions that are asked together. */
  p: number
  p_holm: number
  /** Null: the intervals allow none. */
  winner: "a" | "b" | null
  /** The smallest difference that would have been seen with 80 %; null: not even the greatest. */
  detectable: number | null
}

/** Comparisons that are made together, each with what it says once all are taken into account. */
export function compareAll(all: readonly Sides[]): Comparison[] {
  const asked = all.map(({ pairing }) => questionsOf(pairing.pairs))
  const p_values = asked.flat().map(({ p }) => p)
  const adjusted = holm(p_values)
  return all.map(({ a, b, pairing: { pairs, dropped, alone } }, i) => ({
    ...{ a, b, dropped, alone, pairs: pairs.length, cells: Map.groupBy(pairs, keyOf).size },
    questions: asked[i]!.map((question) => answer(question, adjusted.shift() ?? 1, p_values.length)),
    changes: changesBetween(pairs),
    caveats: caveatsOf(pairs),
  }))
}

/** Who succeeded in each of the pairs. */
export function countsOf(pairs: readonly Pair[]): PairCounts {
  const counts = { both: 0, only_a: 0, only_b: 0, neither: 0 }
  for (const { a, b } of pairs) {
    const [good_a, good_b] = [a, b].map(({ fault, verdict }) => verdict === successOf(fault))
    counts[good_a ? (good_b ? "both" : "only_a") : good_b ? "only_b" : "neither"]++
  }
  return counts
}

// internal

type Asked = Omit<Question, "p_holm" | "winner" | "detectable">

const keyOf = ({ a }: Pair) => cellKey(a)

function questionsOf(pairs: readonly Pair[]): Asked[] {
  const broken = pairs.filter(({ a }) => !isNoFault(a.fault))
  const unbroken = pairs.filter(({ a }) => isNoFault(a.fault))
  return [
    ...(broken.length > 0 ? [ask("repaired", broken)] : []),
    ...(unbroken.length > 0 ? [ask("quiet", unbroken)] : []),
  ]
}

function ask(success: Question["success"], pairs: readonly Pair[]): Asked {
  const counts = countsOf(pairs)
  const { difference, ...newcombe } = pairedDifference(counts)
  const cells = [...Map.groupBy(pairs, keyOf).values()].map(countsOf)
  const by_cell = ratioBootstrap(
    cells.map((cell) => ({ of: cell.only_b - cell.only_a, by: sizeOf(cell) })),
    { seed: SEED },
  )
  const bounds = hull(newcombe, by_cell)
  return {
    ...{ success, ...counts, pairs: pairs.length, cells: cells.length },
    ...{ difference: difference ?? 0, ...bounds, p: mcnemar(counts) },
  }
}

const sizeOf = ({ both, only_a, only_b, neither }: PairCounts) => both + only_a + only_b + neither

function answer(asked: Asked, p_holm: number, together: number): Question {
  const { difference, low, high, only_a, only_b, pairs } = asked
  const sure = p_holm < ALPHA && (low > 0 || high < 0)
  // Half a pair more than there were: that none differed does not mean that none can.
  const other_way = (Math.min(only_a, only_b) + 0.5) / (pairs + 1)
  return {
    ...asked,
    p_holm,
    winner: sure ? (difference > 0 ? "b" : "a") : null,
    detectable: detectableByPairs(pairs, other_way, ALPHA / together),
  }
}
