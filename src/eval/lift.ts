import { type Attempts, SEED } from "./arm.ts"
import { hull, ratioBootstrap } from "./stats/bootstrap.ts"
import { detectableByTrials } from "./stats/detectable.ts"
import { type Share, unpairedDifference } from "./stats/paired.ts"
import { type Interval, wilson } from "./stats/wilson.ts"
import { cellKey } from "./summary.ts"

/** By how much a variant succeeds more often than nobody, over the cells that both have. */
export interface Lift extends Interval {
  difference: number
  cells: number
  /** The smallest difference that so many trials without pairs would have shown with 80 %; null: not even the greatest. */
  detectable: number | null
}

/** How far a variant comes from what nobody does to what the known repair does: 0 to 1, and beyond where it does worse or better. */
export interface Way extends Interval {
  share: number
  cells: number
}

/** Null without a cell in common. A cell counts as much as any other, however many trials it has. */
export function liftOf(nobody: readonly Attempts[], variant: readonly Attempts[]): Lift | null {
  const cells = inCommon(nobody, variant)
  if (cells.length === 0) return null
  const parts = cells.map(([from, to]) => ({ of: rate(to!) - rate(from!), by: 1 }))
  const [base, own] = [together(cells, 0), together(cells, 1)]
  return {
    ...{ difference: sum(parts.map(({ of }) => of)) / cells.length, cells: cells.length },
    ...hull(unpairedDifference(base, own), ratioBootstrap(parts, { seed: SEED })),
    detectable: detectableByTrials(Math.min(base.n, own.n), rate(base)),
  }
}

/** Null where the known repair is no better than nobody. */
export function wayOf(
  nobody: readonly Attempts[],
  variant: readonly Attempts[],
  oracle: readonly Attempts[],
): Way | null {
  const cells = inCommon(nobody, variant, oracle)
  const parts = cells.map(([from, at, to]) => ({ of: rate(at!) - rate(from!), by: rate(to!) - rate(from!) }))
  const [of, by] = [sum(parts.map((part) => part.of)), sum(parts.map((part) => part.by))]
  if (by <= 0) return null
  const from = sum(cells.map(([one]) => rate(one!)))
  const way = (share: number) => (share * cells.length - from) / by
  const { successes, n } = together(cells, 1)
  const own = wilson(successes, n)
  const bounds = hull({ low: way(own.low), high: way(own.high) }, ratioBootstrap(parts, { seed: SEED }))
  return { share: of / by, cells: cells.length, ...bounds }
}

// internal

const rate = ({ successes, n }: Share) => successes / n

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** Of each cell in which all arms have a trial that counts, what came of each arm. */
function inCommon(...arms: (readonly Attempts[])[]): Share[][] {
  const by_cell = arms.map(
    (cells) =>
      new Map(cells.map(({ summary }) => [cellKey(summary), { successes: summary.success.count, n: summary.n }])),
  )
  return [...by_cell[0]!.keys()]
    .map((cell) => by_cell.flatMap((cells) => cells.get(cell) ?? []).filter(({ n }) => n > 0))
    .filter((shares) => shares.length === arms.length)
}

function together(cells: readonly Share[][], arm: number): Share {
  const shares = cells.map((cell) => cell[arm]!)
  return { successes: sum(shares.map(({ successes }) => successes)), n: sum(shares.map(({ n }) => n)) }
}
