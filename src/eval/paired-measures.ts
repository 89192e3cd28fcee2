import { SEED } from "./arm.ts"
import type { Measured } from "./measured.ts"
import { MEASURES, type Measure } from "./measures.ts"
import type { Pair } from "./pairs.ts"
import { hull, type Part, ratioBootstrap } from "./stats/bootstrap.ts"
import { cellKey, type Moment, MOMENTS, timeOf } from "./summary.ts"

/** A measure over pairs: the means of both sides, and of the differences with a paired bootstrap's interval. */
export interface Changes {
  name: string
  title: string
  unit: Measure["unit"] | "ms"
  pairs: number
  a: number
  b: number
  difference: number
  /** Null: too few pairs for an interval that would hold. */
  low: number | null
  high: number | null
}

/** Every measure that pairs have on both sides. A time that never came counts as the shorter horizon of the two. */
export function changesBetween(pairs: readonly Pair[]): Changes[] {
  const times = MOMENTS.filter((moment) => SIDES.every((side) => pairs.some((pair) => timeOf(pair[side], moment)))).map(
    (moment) => change({ name: `${moment}_ms`, title: `${moment}, mean`, unit: "ms" }, pairs, timesAt(moment)),
  )
  const others = MEASURES.map((measure) => change(measure, pairs, ({ a, b }) => [measure.of(a), measure.of(b)]))
  return [...times, ...others].filter((one) => one !== null)
}

// internal

/** A side that never acts has no time of acting, and nobody waits for it. */
const SIDES = ["a", "b"] as const

/** With fewer no test could call a difference significant, however great it is. */
const FEWEST = 6

type Both = readonly [number | null, number | null]

function timesAt(moment: Moment): (pair: Pair) => Both {
  return ({ a, b }) => {
    const horizon_ms = Math.min(horizonOf(a), horizonOf(b))
    // Who does not act where something is broken took longer than anybody looked.
    const ms = (trial: Measured) =>
      Math.min(timeOf(trial, moment)?.ms ?? (isBroken(trial) ? horizon_ms : Infinity), horizon_ms)
    const both = [ms(a), ms(b)] as const
    return isBroken(a) && isBroken(b) && both.every(Number.isFinite) ? both : [null, null]
  }
}

const horizonOf = ({ facts }: Measured) => facts?.horizon_ms ?? Infinity

const isBroken = ({ facts }: Measured) => facts !== null && facts.symptom_ms !== null

function change(
  { name, title, unit }: Pick<Changes, "name" | "title" | "unit">,
  pairs: readonly Pair[],
  of: (pair: Pair) => Both,
): Changes | null {
  const known = pairs.flatMap((pair) => {
    const [a, b] = of(pair)
    return a === null || b === null ? [] : [{ a, b, cell: cellKey(pair.a) }]
  })
  if (known.length === 0) return null
  const part = (some: typeof known): Part => ({ of: sum(some.map(({ a, b }) => b - a)), by: some.length })
  const { of: total, by } = part(known)
  const over = (parts: Part[]) => ratioBootstrap(parts, { seed: SEED })
  const by_pair = known.length < FEWEST ? null : over(known.map((pair) => part([pair])))
  const by_cell = by_pair && over([...Map.groupBy(known, ({ cell }) => cell).values()].map(part))
  const bounds = by_pair ? hull({ low: by_pair.low!, high: by_pair.high! }, by_cell) : { low: null, high: null }
  const mean = (side: "a" | "b") => sum(known.map((pair) => pair[side])) / known.length
  return { name, title, unit, pairs: known.length, a: mean("a"), b: mean("b"), difference: total / by, ...bounds }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
