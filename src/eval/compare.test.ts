import { describe, expect, test } from "bun:test"
import { failed, INSTEAD, measured, unended, withUsage } from "../../test/support/results.ts"
import { type Comparison, compareAll } from "./compare.ts"
import type { Measured } from "./measured.ts"
import { type Also, pairUp } from "./pairs.ts"

const never = INSTEAD.unrepaired

/** Trials of a variant, one a repetition: those at which it is good, and the others. */
function trials(variant: string, goods: readonly boolean[], given: Partial<Measured> = {}): Measured[] {
  return goods.map((good, i) =>
    measured(
      { ...given, variant, repetition: i + 1, seed: i + 1, ...atCell(i) } as Partial<Measured>,
      good ? {} : never,
    ),
  )
}

/** Spread over ten cells. */
const atCell = (i: number) => ({ target: `node-${i % 10}` })

const goods = (count: number, of: number) => Array.from({ length: of }, (_, i) => i < count)

const compare = (a: Measured[], b: Measured[], also: Also = []): Comparison =>
  compareAll([{ a: "a", b: "b", pairing: pairUp(a, b, also) }])[0]!

describe("pairs", () => {
  test("are of the same cell, seed and repetition, whatever the order", () => {
    const [a, b] = [trials("a", goods(3, 4)), trials("b", goods(4, 4))]
    const { pairs } = pairUp(a, b.toReversed(), [])
    expect(pairs).toHaveLength(4)
    for (const { a, b } of pairs) expect([a.repetition, a.target]).toEqual([b.repetition, b.target])
  })

  test("with an arm that does not count are dropped and counted, and so are trials without a partner", () => {
    const a = trials("a", goods(5, 5))
    const b = [
      ...trials("b", goods(1, 1)),
      withUsage(failed({ variant: "b", repetition: 2, seed: 2, ...atCell(1) })),
      withUsage(unended({ variant: "b", repetition: 3, seed: 3, ...atCell(2) })),
      measured({ variant: "b", repetition: 4, seed: 4, ...atCell(3) }, INSTEAD.invalid),
      measured({ variant: "b", repetition: 5, seed: 99, ...atCell(4) }),
    ]
    expect(pairUp(a, b, [])).toMatchObject({ pairs: { length: 1 }, dropped: 3, alone: 2 })
  })

  test("of two campaigns are of one variant, and those over campaigns of one campaign", () => {
    const first = [measured({ variant: "x", campaign: "c-1" }), measured({ variant: "y", campaign: "c-1" })]
    const second = [measured({ variant: "x", campaign: "c-2" })]
    expect(pairUp(first, second, ["variant"])).toMatchObject({ pairs: { length: 1 }, alone: 1 })
    expect(pairUp(first, second, ["campaign"])).toMatchObject({ pairs: [], alone: 3 })
  })

  test("take the last attempt at a trial", () => {
    const attempts = [withUsage(failed({ variant: "b" })), measured({ variant: "b", attempt: 2 })]
    expect(pairUp([measured({ variant: "a" })], attempts, [])).toMatchObject({ pairs: { length: 1 }, dropped: 0 })
  })
})

describe("a comparison", () => {
  test("names a winner where pairs show one", () => {
    const [question] = compare(trials("a", goods(4, 40)), trials("b", goods(32, 40))).questions
    expect(question).toMatchObject({ success: "repaired", pairs: 40, cells: 10, both: 4, only_a: 0, only_b: 28 })
    expect(question!.difference).toBeCloseTo(0.7, 12)
    expect(question!.low).toBeGreaterThan(0.3)
    expect(question!.winner).toBe("b")
    expect(compare(trials("a", goods(32, 40)), trials("b", goods(4, 40))).questions[0]!.winner).toBe("a")
  })

  test("names none where they do not, and says what could have been seen", () => {
    const [question] = compare(trials("a", goods(20, 40)), trials("b", goods(22, 40))).questions
    expect(question!.winner).toBeNull()
    expect(question!.p).toBe(0.5)
    expect(question!.detectable!).toBeWithin(0.1, 0.4)
  })

  test("names none over few pairs, however different, and says that none could have been seen", () => {
    const [question] = compare(trials("a", goods(0, 3)), trials("b", goods(3, 3))).questions
    expect(question).toMatchObject({ difference: 1, winner: null, detectable: null })
    expect(question!.p).toBeCloseTo(0.25, 12)
  })

  test("names none when the pairs that differ are all of one cell", () => {
    const of = (variant: string, good: (cell: number) => boolean) =>
      Array.from({ length: 40 }, (_, i) =>
        measured({ variant, repetition: i + 1, seed: i + 1, target: `node-${i % 4}` }, good(i % 4) ? {} : never),
      )
    const [question] = compare(
      of("a", () => false),
      of("b", (cell) => cell === 0),
    ).questions
    // Ten of ten pairs, and yet only one fault of four.
    expect(question!.p).toBeLessThan(0.01)
    expect(question!.low).toBeLessThanOrEqual(0)
    expect(question!.winner).toBeNull()
  })

  test("asks apart whether it repairs and whether it stays quiet, and adjusts for both", () => {
    const quiet = (variant: string, good: boolean) =>
      Array.from({ length: 8 }, (_, i) =>
        measured({ variant, fault: "none", repetition: i + 1 }, good ? INSTEAD.quiet : INSTEAD.false_alarm),
      )
    const a = [...trials("a", goods(0, 8)), ...quiet("a", true)]
    const b = [...trials("b", goods(8, 8)), ...quiet("b", false)]
    const { questions } = compare(a, b)
    expect(questions.map(({ success, difference }) => [success, difference])).toEqual([
      ["repaired", 1],
      ["quiet", -1],
    ])
    for (const { p, p_holm } of questions) expect(p_holm).toBeCloseTo(2 * p, 12)
  })

  test("among many is adjusted for all of them", () => {
    const pairing = pairUp(trials("a", goods(0, 7)), trials("b", goods(7, 7)), [])
    const sides = { a: "a", b: "b", pairing }
    const alone = compareAll([sides])[0]!.questions[0]!
    const many = compareAll(Array.from({ length: 8 }, () => sides))[0]!.questions[0]!
    expect([alone.winner, many.winner]).toEqual(["b", null])
    expect(many.p_holm).toBeCloseTo(8 * alone.p, 12)
  })

  test("has every measure over pairs, what never came counted as the deadline", () => {
    const { changes } = compare(trials("a", goods(0, 8)), trials("b", goods(8, 8)))
    expect(changes.find(({ name }) => name === "recovered_ms")).toEqual({
      ...{ name: "recovered_ms", title: "recovered, mean", unit: "ms", pairs: 8 },
      ...{ a: 12_000, b: 2_000, difference: -10_000, low: -10_000, high: -10_000 },
    })
    expect(changes.map(({ name }) => name)).not.toContain("acted_ms")
    const sometimes = compare(trials("a", goods(4, 8)), trials("b", goods(8, 8))).changes
    expect(sometimes.find(({ name }) => name === "acted_ms")).toMatchObject({ a: 6_250, b: 500 })
  })

  test("gives no interval of a measure over a handful of pairs", () => {
    const { changes } = compare(trials("a", goods(0, 3)), trials("b", goods(3, 3)))
    expect(changes[0]).toMatchObject({ low: null, high: null })
  })

  test("leaves out what is not known on one side", () => {
    const { changes } = compare(trials("a", goods(1, 1), { cost_usd: null }), trials("b", goods(1, 1)))
    expect(changes.map(({ name }) => name)).not.toContain("cost_usd")
  })

  test("says what else was different between the two sides", () => {
    const given = { variant_text: "v-2", subject_text: "s-2", judge_version: 1, campaign: "c-2" }
    const later = [measured({ ...given }, { horizon_ms: 5_000 })]
    expect(compare([measured()], later, ["variant"]).caveats).toEqual([
      "the subject was changed in between",
      "the variant oracle was changed in between",
      "the deadlines differ: who has longer repairs more",
      "the judges differ: operator eval regrade lets one judge all",
    ])
    expect(compare(trials("a", goods(1, 2)), trials("b", goods(2, 2), { variant_text: "v-2" })).caveats).toEqual([])
  })
})
