import { describe, expect, test } from "bun:test"
import { holm } from "./holm.ts"
import { mcnemar, pairedDifference, phi, unpairedDifference } from "./paired.ts"

describe("McNemar's exact test", () => {
  // scipy.stats.binomtest 1.17 of the pairs that differ; the first is the example of statsmodels' `mcnemar`, which prints 4.434e-06.
  test.each([
    [121, 59, 4.4344492637551645e-6],
    [5, 0, 0.0625],
    [6, 0, 0.03125],
    [12, 2, 0.012939453125],
    [1, 7, 0.0703125],
    [10, 21, 0.07075554598122835],
  ])("of %i against %i is %f", (only_a, only_b, p) => {
    expect(mcnemar({ only_a, only_b })).toBeCloseTo(p, 12)
    expect(mcnemar({ only_a: only_b, only_b: only_a })).toBeCloseTo(p, 12)
  })

  test("says nothing where no pair differs, or as many one way as the other", () => {
    expect(mcnemar({ only_a: 0, only_b: 0 })).toBe(1)
    expect(mcnemar({ only_a: 4, only_b: 4 })).toBe(1)
  })
})

describe("the difference over pairs", () => {
  // [both, only A, only B, neither], and A − B: Newcombe's formula in Python over `proportion_confint` of statsmodels 0.15. The first
  // is the example of Altman et al., Statistics with Confidence (2000), table 6.2.
  test.each([
    [14, 5, 0, 22, 0.1219512, 0.0114832, 0.2264927],
    [1, 1, 7, 12, -0.2857143, -0.5069202, -0.0255591],
    [36, 12, 2, 0, 0.2, 0.0569296, 0.3404276],
    [3, 0, 0, 0, 0, -0.561497, 0.561497],
    [10, 0, 0, 10, 0, -0.0897567, 0.0897567],
    [2, 8, 1, 9, 0.35, 0.0592125, 0.5731886],
    [0, 5, 0, 0, 1, 0.385549, 1],
  ])("of %i, %i, %i and %i pairs is that of Newcombe's method 10", (both, only_a, only_b, neither, d, low, high) => {
    const found = pairedDifference({ both, only_a, only_b, neither })
    expect(found.difference).toBeCloseTo(-d, 6)
    expect(found.low).toBeCloseTo(-high, 6)
    expect(found.high).toBeCloseTo(-low, 6)
  })

  test("of no pair may be anything", () => {
    const none = { both: 0, only_a: 0, only_b: 0, neither: 0 }
    expect(pairedDifference(none)).toEqual({ difference: null, low: -1, high: 1 })
  })
})

test("the difference without pairs is that of Newcombe's other method 10", () => {
  // `confint_proportions_2indep(method="newcomb")` of statsmodels 0.15, of 56/70 − 48/80 and of 9/10 − 3/10.
  const first = unpairedDifference({ successes: 48, n: 80 }, { successes: 56, n: 70 })
  expect([first.low, first.high]).toEqual([expect.closeTo(0.0524, 4), expect.closeTo(0.3339, 4)])
  const second = unpairedDifference({ successes: 3, n: 10 }, { successes: 9, n: 10 })
  expect([second.low, second.high]).toEqual([expect.closeTo(0.1705, 4), expect.closeTo(0.809, 4)])
  expect(unpairedDifference({ successes: 0, n: 0 }, { successes: 1, n: 1 })).toEqual({ low: -1, high: 1 })
})

test("φ is the correlation of two columns of noughts and ones", () => {
  // numpy.corrcoef of the same pairs.
  expect(phi({ both: 20, only_a: 5, only_b: 10, neither: 15 })).toBeCloseTo(0.4082482904638631, 12)
  expect(phi({ both: 5, only_a: 0, only_b: 0, neither: 5 })).toBe(1)
  expect(phi({ both: 5, only_a: 5, only_b: 0, neither: 0 })).toBeNull()
})

test("Holm's adjustment is that of statsmodels' multipletests", () => {
  const close = (values: number[]) => values.map((value) => expect.closeTo(value, 12) as number)
  expect(holm([0.01, 0.02, 0.03, 0.04, 0.05])).toEqual(close([0.05, 0.08, 0.09, 0.09, 0.09]))
  expect(holm([0.04, 0.001, 0.03, 0.8])).toEqual(close([0.09, 0.004, 0.09, 0.8]))
  expect(holm([])).toEqual([])
})
