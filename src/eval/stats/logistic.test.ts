import { describe, expect, test } from "bun:test"
import { type Dose, fitLogistic } from "./logistic.ts"

const dose = (severity: number, successes: number, n: number): Dose => ({ severity, successes, n })

describe("a fit of success against severity", () => {
  test("of the O-rings of the shuttle is the published one, with its profile interval", () => {
    // Temperature and thermal distress of 23 flights: Dalal, Fowlkes and Hoadley, Journal of the American Statistical Association 84
    // (1989); coefficients 15.0429 and -0.2322 as in every textbook; the interval by scipy.optimize 1.17 on the profile likelihood.
    const damaged = [53, 57, 58, 63, 70, 70, 75]
    const whole = [66, 67, 67, 67, 68, 69, 70, 70, 72, 73, 75, 76, 76, 78, 79, 81]
    const fit = fitLogistic([...damaged.map((t) => dose(t, 1, 1)), ...whole.map((t) => dose(t, 0, 1))])!
    expect(fit.intercept).toBeCloseTo(15.0429018, 5)
    expect(fit.slope).toBeCloseTo(-0.2321627, 6)
    expect(fit.separated).toBe(false)
    expect(fit.half.severity).toBeCloseTo(64.794641, 4)
    expect(fit.half.low).toBeCloseTo(52.487253, 3)
    expect(fit.half.high).toBeCloseTo(69.269922, 3)
  })

  test("says when one severity parts successes from failures, and still bounds the half", () => {
    // The bounds by scipy.optimize 1.17, as above.
    const fit = fitLogistic([dose(10, 5, 5), dose(20, 5, 5), dose(30, 0, 5), dose(40, 0, 5)])!
    expect(fit).toMatchObject({ separated: true, slope: null, intercept: null, half: { severity: 25 } })
    expect(fit.half.low).toBeCloseTo(20.0076, 2)
    expect(fit.half.high).toBeCloseTo(29.9924, 2)
  })

  test("finds the half at the one severity at which both happen", () => {
    const fit = fitLogistic([dose(10, 4, 4), dose(20, 1, 3), dose(30, 0, 4)])!
    expect(fit).toMatchObject({ separated: true, half: { severity: expect.closeTo(20, 9) } })
    expect(fit.half.low!).toBeLessThan(20)
    expect(fit.half.high!).toBeGreaterThan(20)
  })

  test("has no bounds where severity may say nothing", () => {
    const fit = fitLogistic([dose(1, 2, 3), dose(2, 1, 3)])!
    expect(fit.half).toMatchObject({ low: null, high: null })
    expect(fit.half.severity).toBeCloseTo(1.5, 9)
  })

  test("is none with one severity, or where all succeed or none does", () => {
    expect(fitLogistic([dose(1, 2, 3)])).toBeUndefined()
    expect(fitLogistic([dose(1, 3, 3), dose(2, 3, 3)])).toBeUndefined()
    expect(fitLogistic([dose(1, 0, 3), dose(2, 0, 3)])).toBeUndefined()
    expect(fitLogistic([])).toBeUndefined()
  })
})
