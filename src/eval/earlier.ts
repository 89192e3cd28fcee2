import { isNoFault } from "../store/injections.ts"
import type { Store } from "../store/open.ts"
import { succeeded } from "./arm.ts"
import { countsOf } from "./compare.ts"
import { type Measured, measuredOf } from "./measured.ts"
import { pairUp } from "./pairs.ts"
import { type PairCounts, phi, type Share } from "./stats/paired.ts"
import { countedIn } from "./summary.ts"

/** What earlier trials of the same subjects and faults say about trials to come. */
export interface Earlier {
  /** Of each variant its successes where something was broken. */
  shares: Map<string, Share>
  /** How far successes of two variants go together, over all pairs; null: too few to say. */
  correlation: { phi: number; pairs: number } | null
  /** What a trial of a variant at a fault cost on average. Null: no earlier trial, or a price is not known. */
  costOf(trial: { subject: string; fault: string; variant: string }): { usd: number; trials: number } | null
}

export function earlierResults(
  store: Store,
  faults: readonly { subject: string; fault: string }[],
  variants: readonly string[],
): Earlier {
  const wanted = new Set(variants)
  const trials = faults
    .flatMap(({ subject, fault }) => measuredOf(store, { subject, fault }))
    .filter(({ variant }) => wanted.has(variant))
  const broken = Map.groupBy(
    trials.filter(({ fault }) => !isNoFault(fault)),
    ({ variant }) => variant,
  )
  const by_kind = Map.groupBy(trials, kindOf)
  return {
    shares: new Map([...broken].map(([variant, of_it]) => [variant, shareOf(of_it)])),
    correlation: correlationOf([...broken.values()]),
    costOf: (trial) => meanCost(by_kind.get(kindOf(trial)) ?? []),
  }
}

// internal

/** Of fewer pairs a correlation says next to nothing. */
const FEWEST_PAIRS = 20
/** Of a kind: old ones say little about today's prices. */
const MAX_TRIALS = 20

const kindOf = ({ subject, fault, variant }: { subject: string; fault: string; variant: string }) =>
  JSON.stringify([subject, fault, variant])

function shareOf(trials: readonly Measured[]): Share {
  const counted = countedIn(trials)
  return { successes: succeeded(counted), n: counted.length }
}

function correlationOf(variants: readonly (readonly Measured[])[]): Earlier["correlation"] {
  const found = variants.flatMap((a, i) => variants.slice(i + 1).map((b) => countsOf(pairUp(a, b, ["campaign"]).pairs)))
  const counts = found.filter((one) => phi(one) !== null)
  const total = counts.reduce(added, { both: 0, only_a: 0, only_b: 0, neither: 0 })
  const pairs = total.both + total.only_a + total.only_b + total.neither
  // The smallest of them: fewer trials than are needed would be planned by any greater one.
  const least = Math.min(...counts.map((one) => phi(one) ?? 0))
  return pairs < FEWEST_PAIRS ? null : { phi: least, pairs }
}

const added = (a: PairCounts, b: PairCounts): PairCounts => ({
  both: a.both + b.both,
  only_a: a.only_a + b.only_a,
  only_b: a.only_b + b.only_b,
  neither: a.neither + b.neither,
})

function meanCost(trials: readonly Measured[]): { usd: number; trials: number } | null {
  const newest = trials.filter(({ stage }) => stage === "done").slice(-MAX_TRIALS)
  const costs = newest.map(({ cost_usd }) => cost_usd)
  if (costs.length === 0 || !costs.every((usd) => usd !== null)) return null
  return { usd: costs.reduce((sum, usd) => sum + usd, 0) / costs.length, trials: costs.length }
}
