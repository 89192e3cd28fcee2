import { describe, expect, test } from "bun:test"
import { wilson } from "./wilson.ts"

describe("Wilson's interval", () => {
  // Newcombe, Statistics in Medicine 17 (1998), table I, method 3; and what reference tables give for 95 %.
  test.each([
    [3, 3, 0.4385, 1],
    [5, 5, 0.5655, 1],
    [10, 10, 0.7225, 1],
    [20, 20, 0.8389, 1],
    [30, 30, 0.8865, 1],
    [0, 5, 0, 0.4345],
    [7, 10, 0.3968, 0.8922],
    [1, 1, 0.2065, 1],
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("of %i among %i is %f to %f", (successes, n, low, high) => {
    const interval = wilson(successes, n)
    expect(interval.low).toBeCloseTo(low, 4)
    expect(interval.high).toBeCloseTo(high, 4)
  })

  test("ends exactly at 0 or 1 where there is no success or nothing else, and says nothing without a trial", () => {
    for (let n = 1; n <= 200; n++) {
      expect(wilson(0, n).low).toBe(0)
      expect(wilson(n, n).high).toBe(1)
    }
    expect(wilson(0, 0)).toEqual({ low: 0, high: 1 })
  })

  test("holds the rate, is mirrored by its opposite, and becomes narrower with n", () => {
    for (let successes = 0; successes <= 12; successes++) {
      const { low, high } = wilson(successes, 12)
      expect(low).toBeLessThanOrEqual(successes / 12)
      expect(high).toBeGreaterThanOrEqual(successes / 12)
      expect(wilson(12 - successes, 12).low).toBeCloseTo(1 - high, 12)
      const more = wilson(successes * 10, 120)
      expect(more.high - more.low).toBeLessThan(high - low)
    }
  })
})
