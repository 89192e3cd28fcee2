import { describe, expect, test } from "bun:test"
import { failed, INSTEAD, measured, unended, withUsage } from "../../test/support/results.ts"
import { analysisOf } from "./analysis.ts"
import type { CampaignOutcome } from "./campaigns.ts"
import type { Measured } from "./measured.ts"
import { severityCurves } from "./severity.ts"

const FAULTS = ["node_kill", "node_pause", "counter_drift"]
const never = INSTEAD.unrepaired

const outcome = (id: string, given: Partial<CampaignOutcome> = {}): CampaignOutcome => ({
  ...{ id, name: "kv", created_at: "2026-01-28T20:54:48.000Z", ended_at: "2026-01-28T20:55:48.000Z" },
  ...{ spent_usd: 0, reserved_usd: 0, limit_usd: null, state: "finished", total: 9, done: 9, variants: [] },
  ...given,
})

/** Two trials of each fault: nobody never repairs, the bot one fault of three, the oracle all. */
function campaign(): Measured[] {
  const repetitions = [1, 2]
  return FAULTS.flatMap((fault) =>
    repetitions.flatMap((repetition) => [
      measured({ fault, repetition, variant: "nobody" }, never),
      measured({ fault, repetition, variant: "bot", cost_usd: 0.5 }, fault === "node_kill" ? {} : never),
      measured({ fault, repetition, variant: "oracle" }),
    ]),
  )
}

const analysis = (trials: readonly Measured[]) => analysisOf([outcome("c-1")], trials)
const totalOf = (trials: readonly Measured[], variant: string) =>
  analysis(trials).totals.find((total) => total.variant === variant)!

describe("a variant over all cells", () => {
  test("has its success, its lift over nobody and its share of the way to the oracle", () => {
    const { broken, cells } = totalOf(campaign(), "bot")
    expect(cells).toBe(3)
    expect(broken).toMatchObject({ count: 2, n: 6, rate: expect.closeTo(1 / 3, 12) })
    expect(broken.lift).toMatchObject({
      difference: expect.closeTo(1 / 3, 12),
      cells: 3,
      detectable: expect.closeTo(0.71, 1),
    })
    expect(broken.of_the_way!.share).toBeCloseTo(1 / 3, 12)
    expect(totalOf(campaign(), "oracle").broken.of_the_way!.share).toBe(1)
    expect(totalOf(campaign(), "nobody").broken).toMatchObject({ lift: null, of_the_way: null })
  })

  test("is as unsure as its few cells are, not as its many trials", () => {
    const often = Array.from({ length: 20 }, (_, i) => i + 1)
    const trials = FAULTS.flatMap((fault) =>
      often.map((repetition) => measured({ fault, repetition, variant: "bot" }, fault === "node_kill" ? {} : never)),
    )
    const { low, high } = totalOf(trials, "bot").broken
    // Wilson's interval of 20 among 60 trials would be 0.23 to 0.46.
    expect(low).toBeLessThan(0.05)
    expect(high).toBeGreaterThan(0.9)
  })

  test("has no lift where nobody was not tried, and no way where the oracle is no better than nobody", () => {
    const bot = campaign().filter(({ variant }) => variant === "bot")
    expect(totalOf(bot, "bot").broken).toMatchObject({ lift: null, of_the_way: null })
    const healing = FAULTS.flatMap((fault) =>
      ["nobody", "bot", "oracle"].map((variant) => measured({ fault, variant })),
    )
    expect(totalOf(healing, "bot").broken.of_the_way).toBeNull()
  })

  test("succeeds in all of k trials as often as its cells do on average", () => {
    expect(totalOf(campaign(), "bot").pass).toEqual([
      { k: 1, at: expect.closeTo(1 / 3, 12), all: expect.closeTo(1 / 3, 12) },
      { k: 2, at: expect.closeTo(1 / 3, 12), all: expect.closeTo(1 / 3, 12) },
    ])
    const uneven = [...campaign(), measured({ fault: "node_kill", repetition: 3, variant: "bot" })]
    expect(totalOf(uneven, "bot").pass.map(({ k }) => k)).toEqual([1, 2])
  })

  test("tells false alarms from false actions where nothing is broken, and keeps both out of its repairs", () => {
    const none = (repetition: number, facts: Parameters<typeof measured>[1]) =>
      measured({ fault: "none", variant: "bot", repetition }, { ...INSTEAD.quiet, ...facts })
    const trials = [
      none(1, {}),
      none(2, { tickets: 1 }),
      none(3, { acted_ms: 5 }),
      none(4, { tickets: 2, acted_ms: 5 }),
    ]
    const { broken, unbroken } = totalOf([...campaign(), ...trials], "bot")
    expect(broken.n).toBe(6)
    expect(unbroken).toMatchObject({ count: 1, n: 4 })
    expect(unbroken.false_alarms.count).toBe(2)
    expect(unbroken.false_actions.count).toBe(2)
  })

  test("counts what does not count", () => {
    const more = [
      withUsage(failed({ variant: "bot", repetition: 8 })),
      withUsage(unended({ variant: "bot", repetition: 9 })),
      measured({ variant: "bot", repetition: 7 }, INSTEAD.invalid),
    ]
    expect(totalOf([...campaign(), ...more], "bot")).toMatchObject({
      invalid: 1,
      errors: 1,
      running: 1,
      broken: { n: 6 },
    })
  })
})

describe("a cell under a variant", () => {
  test("has times by Kaplan and Meier, with what was awaited in vain", () => {
    const trials = [
      measured(),
      measured({ repetition: 2 }, { recovered_ms: 4_000 }),
      measured({ repetition: 3 }, never),
    ]
    expect(analysis(trials).arms[0]!.times.recovered).toEqual({
      ...{ n: 3, censored: 1, median: { ms: 4_000, censored: false } },
      mean: { ms: expect.closeTo(6_000, 9), low: null, high: null, horizon_ms: 12_000 },
    })
  })

  test("has pass@k and pass^k for as many trials as there are", () => {
    const trials = [1, 2, 3].map((repetition) => measured({ repetition }, repetition === 1 ? never : {}))
    const [arm] = analysis(trials).arms
    expect(arm!.pass.map(({ k }) => k)).toEqual([1, 2, 3])
    expect(arm!.pass[1]).toEqual({ k: 2, at: 1, all: expect.closeTo(1 / 3, 12) })
    expect(analysis([measured()]).arms[0]!.pass).toEqual([])
  })

  test("pays for a repair with its failures, and says apart what did not count", () => {
    const trials = [1, 2, 3, 4].map((repetition) => measured({ repetition, cost_usd: 1 }, repetition > 2 ? never : {}))
    const lost = withUsage(failed({ repetition: 5 }), { cost_usd: 7 })
    const { dollars, measures } = analysis([...trials, lost]).arms[0]!
    expect(dollars).toMatchObject({ total_usd: 4, not_counted_usd: 7, per_success: { usd: 2 } })
    expect(dollars.per_success!.low!).toBeLessThan(2)
    expect(measures["cost_usd"]).toMatchObject({ n: 4, mean: 1 })
  })

  test("has no price of a repair where there is none, or a price is not known", () => {
    expect(analysis([measured({ cost_usd: 1 }, never)]).arms[0]!.dollars).toMatchObject({
      total_usd: 1,
      per_success: null,
    })
    expect(analysis([measured({ cost_usd: null })]).arms[0]!.dollars).toMatchObject({
      total_usd: null,
      per_success: null,
    })
  })
})

describe("an analysis", () => {
  test("is the same each time", () => {
    expect(analysis(campaign())).toEqual(analysis(campaign()))
  })

  test("of an empty campaign has no rows, and of one that is under way says so", () => {
    expect(analysis([])).toMatchObject({ arms: [], totals: [], severity: [] })
    const half = analysisOf([outcome("c-1", { state: "unfinished", done: 3 })], campaign())
    expect(half.warnings).toContain("c-1 is unfinished: 3 of 9 trials")
  })

  test("of several campaigns takes the first trial of each for two, and warns where they are not of one kind", () => {
    const again = campaign().map((trial) => ({ ...trial, campaign: "c-2", variant_text: "v-2" }))
    const first = campaign().map((trial) => ({ ...trial, campaign: "c-1" }))
    const both = analysisOf([outcome("c-1"), outcome("c-2")], [...first, ...again])
    expect(both.totals.find(({ variant }) => variant === "bot")).toMatchObject({
      broken: { count: 4, n: 12 },
      texts: 2,
    })
    expect(both.warnings.join()).toContain("the variant bot was changed between the campaigns")
  })

  test("says when another judge has judged", () => {
    const old = campaign().map((trial) => ({ ...trial, judge_version: 1 }))
    expect(analysis(old).warnings.join()).toContain("judged by version 1")
  })
})

describe("a severity dial", () => {
  const loss = (value: unknown, repetition: number, good: boolean) =>
    measured({ fault: "packet_loss", params: { percent: value, port: 1 }, repetition }, good ? {} : never)
  const trials = [10, 20, 30, 40].flatMap((value, i) => [1, 2, 3, 4].map((n) => loss(value, n, n > i + (n % 2))))

  test("gives a curve with its points by rising severity, and where half succeed", () => {
    const [curve, ...others] = severityCurves(trials.toReversed())
    expect(others).toEqual([])
    expect(curve).toMatchObject({ parameter: "percent", params: { port: 1 }, variant: "oracle", reason: null })
    expect(curve!.points.map(({ severity, n }) => [severity, n])).toEqual([10, 20, 30, 40].map((value) => [value, 4]))
    expect(curve!.fit!.half.severity).toBeWithin(10, 41)
  })

  test("reads durations and shares, and says why there is no curve", () => {
    const delays = ["100ms", "2s"].map((value, i) => loss(value, i, true))
    expect(severityCurves(delays)).toMatchObject([
      { points: [{ severity: 100, value: "100ms" }, { severity: 2_000 }], fit: null, reason: "every trial succeeded" },
    ])
    expect(severityCurves([loss("5%", 1, true), loss("50 %", 2, false)])[0]!.fit).toMatchObject({ separated: true })
    expect(severityCurves([loss("much", 1, true), loss("little", 2, false)])).toEqual([])
  })
})
