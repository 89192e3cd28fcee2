import { describe, expect, test } from "bun:test"
import { type CensoredTime, median, restrictedMean, survivalCurve } from "./survival.ts"

// Weeks in remission under 6-MP and under placebo: Freireich et al., Blood 21 (1963), the example of most textbooks
// (Klein and Moeschberger, section 1.2). Negative: censored.
const six_mp = timesOf(6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35)
const placebo = timesOf(1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)

test("the curve of the remission data is that of statsmodels", () => {
  // `SurvfuncRight` of statsmodels 0.15: time, at risk, events, share that is left; its medians are 23 and 8.
  const known = [
    ...[
      [6, 21, 3, 0.857143],
      [7, 17, 1, 0.806723],
      [10, 15, 1, 0.752941],
      [13, 12, 1, 0.690196],
    ],
    ...[
      [16, 11, 1, 0.627451],
      [22, 7, 1, 0.537815],
      [23, 6, 1, 0.448179],
    ],
  ]
  const curve = survivalCurve(six_mp.toReversed())
  expect(curve.map(({ ms, at_risk, came }) => [ms, at_risk, came])).toEqual(known.map((row) => row.slice(0, 3)))
  for (const [i, { left }] of curve.entries()) expect(left).toBeCloseTo(known[i]![3]!, 6)
  expect([median(six_mp)!.ms, median(placebo)!.ms]).toEqual([23, 8])
})

describe("the restricted mean", () => {
  test("of the remission data is the area under that curve, with Greenwood's standard error", () => {
    // Summed up in Python over the curve of statsmodels 0.15.
    const mean = restrictedMean(six_mp, 35)
    expect(mean.ms).toBeCloseTo(23.287, 3)
    expect((mean.high! - mean.ms) / 1.959964).toBeCloseTo(2.827, 3)
    expect(restrictedMean(placebo, 35).ms).toBeCloseTo(8.667, 3)
    expect((8.6667 - restrictedMean(placebo, 35).low!) / 1.959964).toBeCloseTo(1.377, 3)
    expect(restrictedMean(six_mp, 20).ms).toBeCloseTo(16.1165, 4)
  })

  test("counts what never came as the horizon, and never passes it", () => {
    const half = timesOf(10, 10, 10, 10, 10, -30, -30, -30, -30, -30)
    expect(restrictedMean(half, 30)).toMatchObject({ ms: 20, horizon_ms: 30 })
    expect(restrictedMean(timesOf(90), 30).ms).toBe(30)
    const late = timesOf(29, 29, 29, 29, 29, 1)
    expect(restrictedMean(late, 30).high).toBe(30)
  })

  test("has no interval where it came too seldom to tell how much it varies", () => {
    expect(restrictedMean(timesOf(-30, -30, -30), 30)).toEqual({ ms: 30, low: null, high: null, horizon_ms: 30 })
    expect(restrictedMean(timesOf(10), 30)).toEqual({ ms: 10, low: null, high: null, horizon_ms: 30 })
  })
})

describe("the median", () => {
  const came = (...times_ms: number[]): CensoredTime[] => times_ms.map((ms) => ({ ms, censored: false }))
  const never = (count: number, ms = 12_000): CensoredTime[] =>
    Array.from({ length: count }, () => ({ ms, censored: true }))

  test("is the middle one, in whatever order they come", () => {
    expect(median(came(3, 1, 2))).toEqual({ ms: 2, censored: false })
  })

  test("is the first time by which half of them had come", () => {
    expect(median(came(4, 1, 3, 2))).toEqual({ ms: 2, censored: false })
    expect(median([...came(1, 2), ...never(2)])).toEqual({ ms: 2, censored: false })
  })

  test("leaves what nobody looked at any longer out of those that are left", () => {
    expect(median([...never(1, 1), ...came(5, 7)])).toEqual({ ms: 5, censored: false })
  })

  test("is censored when most are", () => {
    expect(median([...came(1), ...never(2)])).toEqual({ ms: 12_000, censored: true })
    expect(median(never(1))).toEqual({ ms: 12_000, censored: true })
  })

  test("of nothing is undefined", () => {
    expect(median([])).toBeUndefined()
  })
})

function timesOf(...weeks: number[]): CensoredTime[] {
  return weeks.map((week) => ({ ms: Math.abs(week), censored: week < 0 }))
}
