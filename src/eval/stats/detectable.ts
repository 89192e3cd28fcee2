import { binomial, binomialFrom } from "./binomial.ts"
import { Z_POWER, normalQuantile } from "./normal.ts"

/** How often a false difference may be called one, and how often one that is there is to be seen. */
export const ALPHA = 0.05
export const POWER = 0.8

/** Nobody runs more, and to count further takes long. */
export const MAX_PAIRS = 2 ** 16

/** Of all pairs the shares in which B alone succeeds, and A alone. */
export interface Differing {
  only_b: number
  only_a: number
}

/** The chance that McNemar's exact test finds B better among `pairs` pairs. */
export function powerOfPairs(pairs: number, { only_b, only_a }: Differing, alpha = ALPHA): number {
  const differing = Math.min(1, only_b + only_a)
  if (differing === 0) return 0
  const reach = WINDOW * Math.sqrt(pairs * differing * (1 - differing)) + WINDOW
  const [from, to] = [Math.floor(pairs * differing - reach), Math.ceil(pairs * differing + reach)]
  let power = 0
  for (let d = Math.max(1, from); d <= Math.min(pairs, to); d++) {
    const needed = neededOf(d, alpha)
    if (needed <= d) power += binomial(d, pairs, differing) * binomialFrom(needed, d, only_b / differing)
  }
  return power
}

/**
 * The smallest difference in success rates that so many pairs would have shown with `POWER`, when `other_way` of all pairs differ in the
 * other direction. Null: they are too few for any.
 */
export function detectableByPairs(pairs: number, other_way: number, alpha = ALPHA): number | null {
  const enough = (difference: number) =>
    powerOfPairs(pairs, { only_b: difference + other_way, only_a: other_way }, alpha) >= POWER
  return bisected(1 - 2 * other_way, enough)
}

/** The fewest pairs that show a difference with `POWER`; null: more than MAX_PAIRS. */
export function pairsNeeded(differing: Differing, alpha = ALPHA): number | null {
  if (differing.only_b <= differing.only_a) throw new Error("there is no difference to show")
  let enough = 1
  for (; powerOfPairs(enough, differing, alpha) < POWER; enough *= 2) if (enough >= MAX_PAIRS) return null
  let few = enough / 2
  while (enough - few > 1) {
    const middle = Math.floor((few + enough) / 2)
    if (powerOfPairs(middle, differing, alpha) >= POWER) enough = middle
    else few = middle
  }
  return enough
}

/** How pairs differ when A succeeds with the rate `a`, B with `b`, and their successes are correlated by `rho` as far as the rates allow. */
export function differingOf(a: number, b: number, rho: number): Differing {
  const both = a * b + rho * Math.sqrt(a * (1 - a) * b * (1 - b))
  const possible = Math.min(a, b, Math.max(0, a + b - 1, both))
  return { only_b: b - possible, only_a: a - possible }
}

/** The fewest trials of each of two arms that share nothing (Fleiss, Statistical Methods for Rates and Proportions, without correction). */
export function trialsNeeded(a: number, b: number, alpha = ALPHA): number {
  const [mean, z] = [(a + b) / 2, normalQuantile(1 - alpha / 2)]
  const spread = z * Math.sqrt(2 * mean * (1 - mean)) + Z_POWER * Math.sqrt(a * (1 - a) + b * (1 - b))
  return Math.ceil((spread / (a - b)) ** 2)
}

/** The smallest difference from the rate `a`, in the direction in which there is more room, that so many trials of each arm would have shown. */
export function detectableByTrials(each: number, a: number, alpha = ALPHA): number | null {
  const room = Math.max(a, 1 - a)
  const other = (difference: number) => (a <= 0.5 ? a + difference : a - difference)
  return bisected(room, (difference) => trialsNeeded(a, other(difference), alpha) <= each)
}

// internal

/** Standard deviations beyond which next to nothing happens. */
const WINDOW = 8
const BISECTIONS = 30

/** The smallest value up to `most` that is enough; null where not even that is. */
function bisected(most: number, enough: (value: number) => boolean): number | null {
  if (most <= 0 || !enough(most)) return null
  let [low, high] = [0, most]
  for (let step = 0; step < BISECTIONS; step++) {
    const middle = (low + high) / 2
    if (enough(middle)) high = middle
    else low = middle
  }
  return high
}

const NEEDED = new Map<string, number>()

/** How many of `differing` pairs must be B's for the two-sided test to be significant; one more than there are where not even all suffice. */
function neededOf(differing: number, alpha: number): number {
  const key = `${differing} ${alpha}`
  const known = NEEDED.get(key)
  if (known !== undefined) return known
  // What lies further out adds nothing that could be seen.
  const farthest = Math.ceil(differing / 2 + (WINDOW * Math.sqrt(differing)) / 2)
  let [needed, tail] = [Math.min(differing, farthest) + 1, 0]
  for (;;) {
    tail += binomial(needed - 1, differing, 0.5)
    if (2 * tail > alpha || needed === 0) break
    needed--
  }
  NEEDED.set(key, needed)
  return needed
}
