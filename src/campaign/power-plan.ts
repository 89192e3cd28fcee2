import { DEFAULT_LIMITS } from "../agent/limits.ts"
import { isClaude } from "../agent/variant.ts"
import { type Earlier, earlierResults } from "../eval/earlier.ts"
import { ALPHA, differingOf, MAX_PAIRS, pairsNeeded, POWER, trialsNeeded } from "../eval/stats/detectable.ts"
import { cellKey } from "../eval/summary.ts"
import { UsageError } from "../lib/errors.ts"
import { isNoFault } from "../store/injections.ts"
import type { Store } from "../store/open.ts"
import { variantOf } from "./claude.ts"
import { expectAll, type ExpectedTotal, expectTrials } from "./expected.ts"
import type { PlannedTrial } from "./matrix.ts"
import type { Block } from "./planned-block.ts"

/** What it takes to see a difference between variants of a campaign, before any of it is spent. */
export interface PowerPlan {
  /** The difference in success rates that is to be seen, with `power`, when tests are wrong with `alpha` at most. */
  detect: number
  power: number
  alpha: number
  /** What is asked of all other variants against a first one, at repairs and where nothing is broken: Holm's adjustment is for as many. */
  questions: number
  /** The success rate that one side is taken to have, and the earlier trials that say so; 0: nothing is known, and half needs most. */
  rate: { value: number; earlier: number }
  /** How far successes of both sides are taken to go together, and the earlier pairs that say so; 0: none, which needs most. */
  correlation: { value: number; earlier: number }
  pairs: number
  /** Trials of each variant that it would take without pairs. */
  without_pairs: number
  /** Cells in which something is broken: each repetition is so many pairs. */
  cells: number
  repetitions: number
  trials: number
  parallel: number
  expected: ExpectedTotal
  dollars: PlannedDollars
}

export interface PlannedDollars {
  usd: number
  /** The share of the trials whose price is that of earlier ones, or nothing. The others are taken to use up their limits. */
  from_earlier: number
  /** Variants without a limit in dollars and without an earlier trial: they are not in the sum. */
  unknown: string[]
}

export async function planPower(
  store: Store,
  { trials: block, parallel, cooldown_ms }: Pick<Block, "trials" | "parallel" | "cooldown_ms">,
  detect: number,
): Promise<PowerPlan> {
  const variants = [...new Set(block.map(({ variant }) => variant))]
  if (variants.length < 2)
    throw new UsageError("one variant cannot be compared: a difference is between two", {
      hint: "--variant, or `variants` in the file, names more",
    })
  const broken = new Set(block.filter(({ fault }) => !isNoFault(fault)).map(cellKey))
  if (broken.size === 0) throw new UsageError("nothing is broken in any cell, so that no repair can be compared")
  const earlier = earlierResults(store, faultsOf(block), variants)
  const unbroken = block.some(({ fault }) => isNoFault(fault))
  const questions = (variants.length - 1) * (unbroken ? 2 : 1)
  const { rate, correlation } = assumptions(earlier)
  const { pairs, without_pairs } = neededFor(detect, rate.value, correlation.value, ALPHA / questions)
  const repetitions = Math.ceil(pairs / broken.size)
  const expectation = await expectTrials(store, block)
  const all = Array.from({ length: repetitions }, () => block.map(expectation)).flat()
  return {
    ...{
      detect,
      power: POWER,
      alpha: ALPHA,
      questions,
      rate,
      correlation,
      pairs,
      without_pairs,
      cells: broken.size,
      repetitions,
    },
    ...{ trials: all.length, parallel, expected: expectAll(all, { parallel, cooldown_ms }) },
    dollars: await dollarsOf(store, block, earlier, repetitions),
  }
}

/** "15pp": 0.15. */
export function parsePoints(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*pp$/.exec(text.trim())
  const share = Number(match?.[1]) / 100
  if (!match || share <= 0 || share > 1)
    throw new UsageError(`"${text}" is not a difference of success rates`, {
      hint: "write percentage points, above 0 and up to 100: 15pp",
    })
  return share
}

// internal

/** The most that is nearly certain: of rates at the ends next to no trials would seem to be needed. */
const FARTHEST = 0.95

function faultsOf(block: readonly PlannedTrial[]) {
  return [...new Map(block.map(({ subject, fault }) => [`${subject} ${fault}`, { subject, fault }])).values()]
}

/** Of the variants' rates the one nearest to a half, since that one needs most trials. */
function assumptions({ shares, correlation }: Earlier): Pick<PowerPlan, "rate" | "correlation"> {
  const known = [...shares.values()].filter(({ n }) => n > 0)
  const rates = known.map(({ successes, n }) => successes / n)
  const nearest = rates.toSorted((a, b) => Math.abs(a - 0.5) - Math.abs(b - 0.5))[0] ?? 0.5
  return {
    rate: {
      value: Math.min(FARTHEST, Math.max(1 - FARTHEST, nearest)),
      earlier: known.reduce((sum, { n }) => sum + n, 0),
    },
    correlation: { value: correlation?.phi ?? 0, earlier: correlation?.pairs ?? 0 },
  }
}

/** In the direction that needs more, of those that there are. */
function neededFor(
  detect: number,
  rate: number,
  rho: number,
  alpha: number,
): Pick<PowerPlan, "pairs" | "without_pairs"> {
  const others = [rate + detect, rate - detect].filter((other) => other >= 0 && other <= 1)
  if (others.length === 0)
    throw new UsageError(
      `a rate of ${Math.round(rate * 100)} % cannot change by ${Math.round(detect * 100)} percentage points`,
    )
  const sides = others.map((other) => [Math.min(rate, other), Math.max(rate, other)] as const)
  const pairs = sides.map(([a, b]) => pairsNeeded(differingOf(a, b, rho), alpha) ?? Infinity)
  const most = Math.max(...pairs)
  if (most === Infinity)
    throw new UsageError(`more than ${MAX_PAIRS} pairs would be needed to see so small a difference`, {
      hint: "--detect a greater one",
    })
  return { pairs: most, without_pairs: Math.max(...sides.map(([a, b]) => trialsNeeded(a, b, alpha))) }
}

async function dollarsOf(
  store: Store,
  block: readonly PlannedTrial[],
  earlier: Earlier,
  repetitions: number,
): Promise<PlannedDollars> {
  const planned: PlannedDollars = { usd: 0, from_earlier: 0, unknown: [] }
  let known = 0
  for (const trial of block) {
    const variant = await variantOf(store, trial)
    const cost = isClaude(variant) ? earlier.costOf(trial) : { usd: 0 }
    const limit_usd = variant.limits.usd === undefined ? DEFAULT_LIMITS.usd : variant.limits.usd
    if (cost) known++
    if (cost) planned.usd += cost.usd * repetitions
    else if (limit_usd !== null) planned.usd += limit_usd * trial.limits.attempts * repetitions
    else if (!planned.unknown.includes(trial.variant)) planned.unknown.push(trial.variant)
  }
  return { ...planned, from_earlier: known / block.length }
}
