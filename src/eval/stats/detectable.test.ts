import { describe, expect, test } from "bun:test"
import { binomial, binomialFrom } from "./binomial.ts"
import {
  detectableByPairs,
  detectableByTrials,
  differingOf,
  pairsNeeded,
  powerOfPairs,
  trialsNeeded,
} from "./detectable.ts"
import { normalQuantile } from "./normal.ts"

test("the normal and the binomial distribution are those of scipy 1.17", () => {
  const close = (value: number) => expect.closeTo(value, 10) as number
  const quantiles = [0.975, 0.8, 0.9, 0.9875, 0.001].map(normalQuantile)
  const known = [1.959963984540054, 0.8416212335729143, 1.2815515655446004, 2.241402727604947, -3.090232306167813]
  expect(quantiles).toEqual(known.map(close))
  expect(binomial(3, 10, 0.3)).toBeCloseTo(0.266827932, 10)
  expect(binomialFrom(7, 10, 0.5)).toBeCloseTo(0.171875, 12)
  expect(binomialFrom(540, 1_000, 0.5)).toBeCloseTo(0.0062220731385858995, 10)
})

describe("pairs", () => {
  test("have the power that scipy's binomials give them", () => {
    // A double sum over scipy.stats.binom 1.17: the pairs that differ, and those of them that are B's.
    expect(powerOfPairs(50, { only_b: 0.3, only_a: 0.1 })).toBeCloseTo(0.5466886111979192, 9)
    expect(powerOfPairs(100, { only_b: 0.25, only_a: 0.1 })).toBeCloseTo(0.6742865999624659, 9)
    expect(powerOfPairs(20, { only_b: 0.5, only_a: 0.05 })).toBeCloseTo(0.784746223299659, 9)
    expect(powerOfPairs(100, { only_b: 0.25, only_a: 0.1 }, 0.01)).toBeCloseTo(0.43406010089479957, 9)
  })

  test("that are needed for 60 against 70 % are some more than the normal approximation says, and fewer with correlation", () => {
    // The approximation gives 247, 177 and 107; the exact test is the more careful one. 270 by scipy.
    const needed = [0.3, 0.5, 0.7].map((rho) => pairsNeeded(differingOf(0.6, 0.7, rho)))
    expect(Math.abs(needed[0]! - 270)).toBeLessThanOrEqual(8)
    expect(needed[1]!).toBeWithin(177, 205)
    expect(needed[2]!).toBeWithin(107, 135)
  })

  test("show no difference at all when they are fewer than six, however great it is", () => {
    for (let pairs = 0; pairs < 6; pairs++) expect(detectableByPairs(pairs, 0)).toBeNull()
    expect(detectableByPairs(6, 0)!).toBeGreaterThan(0.9)
    expect(detectableByPairs(6, 0.2)).toBeNull()
  })

  test("are planned by the thousand in no time", () => {
    const needed = pairsNeeded(differingOf(0.5, 0.52, 0))
    // By the normal approximation 9,806; the exact test needs about a hundred more.
    expect(needed).toBeWithin(9_800, 10_100)
  })

  test("of a difference that can just be seen have just that power", () => {
    const difference = detectableByPairs(60, 0.05)!
    expect(powerOfPairs(60, { only_b: difference + 0.05, only_a: 0.05 })).toBeCloseTo(0.8, 4)
    expect(detectableByPairs(600, 0.05)!).toBeLessThan(difference)
  })

  test("differ as rates and correlation say, as far as the rates allow", () => {
    expect(differingOf(0.6, 0.7, 0)).toEqual({ only_b: expect.closeTo(0.28, 12), only_a: expect.closeTo(0.18, 12) })
    expect(differingOf(0.5, 1, 0.9)).toEqual({ only_b: 0.5, only_a: 0 })
  })
})

describe("trials without pairs", () => {
  test("are as many as power.prop.test of R says", () => {
    // Its manual's example, 50 against 75 %, is 76.7 with a power of 90 %; the same formula in Python gives 57.67 with 80 %, and
    // 355.9 for 60 against 70 %.
    expect(trialsNeeded(0.5, 0.75)).toBe(58)
    expect(trialsNeeded(0.6, 0.7)).toBe(356)
  })

  test("show the difference for which they are needed, and with too few none", () => {
    expect(detectableByTrials(356, 0.6)!).toBeCloseTo(0.1, 2)
    expect(detectableByTrials(58, 0.5)!).toBeCloseTo(0.25, 2)
    expect(detectableByTrials(2, 0.5)).toBeNull()
  })
})
