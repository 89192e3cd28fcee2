import { describe, expect, test } from "bun:test"
import { bootstrap, hull, ratioBootstrap } from "./bootstrap.ts"
import { wilson } from "./wilson.ts"

const seed = 7

describe("a bootstrap", () => {
  test("of a mean is as wide as the mean's standard error says", () => {
    // For so many values the percentiles are those of the normal distribution: mean ± 1.96 s / √n (Efron and Tibshirani, chapter 13).
    const values = Array.from({ length: 400 }, (_, i) => (i * 37) % 100)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
    const { low, high } = ratioBootstrap(
      values.map((of) => ({ of, by: 1 })),
      { seed, resamples: 8_000 },
    )!
    const reach = (1.96 * spread) / Math.sqrt(values.length)
    expect(Math.abs(low! - (mean - reach))).toBeLessThan(reach / 10)
    expect(Math.abs(high! - (mean + reach))).toBeLessThan(reach / 10)
  })

  test("of a share agrees with Wilson's interval where there are many", () => {
    const parts = Array.from({ length: 300 }, (_, i) => ({ of: i < 210 ? 1 : 0, by: 1 }))
    const { low, high } = ratioBootstrap(parts, { seed })!
    expect(low!).toBeCloseTo(wilson(210, 300).low, 1)
    expect(high!).toBeCloseTo(wilson(210, 300).high, 1)
  })

  test("follows from its seed alone", () => {
    const parts = Array.from({ length: 9 }, (_, i) => ({ of: Math.sqrt(i), by: 1 }))
    expect(ratioBootstrap(parts, { seed })).toEqual(ratioBootstrap(parts, { seed }))
    expect(ratioBootstrap(parts, { seed })).not.toEqual(ratioBootstrap(parts, { seed: 8 }))
  })

  test("over cells is wider than over trials when the cells differ", () => {
    const cells = [10, 10, 10, 0, 0, 0].map((of) => ({ of, by: 10 }))
    const trials = cells.flatMap(({ of }) => Array.from({ length: 10 }, () => ({ of: of / 10, by: 1 })))
    const [clustered, naive] = [ratioBootstrap(cells, { seed })!, ratioBootstrap(trials, { seed })!]
    expect(clustered.high! - clustered.low!).toBeGreaterThan(2 * (naive.high! - naive.low!))
  })

  test("of a ratio has no upper bound where a draw may hold nothing to divide by", () => {
    const parts = [{ of: 2, by: 1 }, ...Array.from({ length: 5 }, () => ({ of: 1, by: 0 }))]
    expect(ratioBootstrap(parts, { seed })).toEqual({ low: expect.any(Number), high: null })
  })

  test("of a single unit says nothing", () => {
    expect(bootstrap(1, () => 1, { seed })).toBeNull()
    expect(bootstrap(0, () => 1, { seed })).toBeNull()
  })
})

test("intervals together are as unsure as the least sure of them", () => {
  expect(hull({ low: 0.2, high: 0.6 }, { low: 0.1, high: 0.5 }, null, { low: null, high: 0.7 })).toEqual({
    low: 0.1,
    high: 0.7,
  })
})
