import { describe, expect, test } from "bun:test"
import { failed, INSTEAD, result, unended } from "../../test/support/results.ts"
import { lastAttempts, summariesOf, timeOf } from "./summary.ts"

const only = (results: Parameters<typeof summariesOf>[0]) => {
  const summaries = summariesOf(results)
  expect(summaries).toHaveLength(1)
  return summaries[0]!
}

describe("a summary", () => {
  test("counts the trials of a cell and a variant by verdict, with the interval of their success", () => {
    const trials = [1, 2, 3].map((repetition) => result({ repetition }))
    expect(only([...trials, result({ repetition: 4 }, INSTEAD.unrepaired)])).toMatchObject({
      subject: "kv",
      fault: "node_kill",
      variant: "oracle",
      n: 4,
      verdicts: { repaired: 3, unrepaired: 1 },
      success: {
        verdict: "repaired",
        count: 3,
        rate: 0.75,
        low: expect.closeTo(0.3006, 4),
        high: expect.closeTo(0.9544, 4),
      },
      invalid: 0,
      errors: 0,
      running: 0,
    })
  })

  test("of a cell in which nothing is broken counts quiet trials as successes, and waits for nothing", () => {
    const summary = only([
      result({ fault: "none" }, INSTEAD.quiet),
      result({ fault: "none", repetition: 2 }, INSTEAD.false_alarm),
    ])
    expect(summary.success).toMatchObject({ verdict: "quiet", count: 1, rate: 0.5 })
    expect(summary.verdicts).toEqual({ quiet: 1, false_alarm: 1 })
    expect(summary.medians.recovered).toBeNull()
  })

  test("leaves invalid trials and errors out of n, and says how many there are", () => {
    const summary = only([
      failed({ repetition: 1 }),
      result({ repetition: 1, attempt: 2 }),
      result({ repetition: 2 }, INSTEAD.invalid),
      failed({ repetition: 3 }),
      failed({ repetition: 3, attempt: 2 }),
    ])
    expect(summary).toMatchObject({ n: 1, verdicts: { repaired: 1 }, invalid: 1, errors: 3, running: 0 })
    expect(summary.success).toMatchObject({ count: 1, rate: 1 })
  })

  test("has no rate without a trial that counts", () => {
    expect(only([failed()])).toMatchObject({ n: 0, success: { count: 0, rate: null, low: 0, high: 1 }, errors: 1 })
    expect(only([failed()]).medians).toEqual({ detected: null, acted: null, recovered: null })
  })

  test("counts a trial whose last attempt has not ended as running, and one that died unjudged as an error", () => {
    expect(only([failed(), unended({ attempt: 2 })])).toMatchObject({ n: 0, errors: 1, running: 1 })
    expect(only([failed({ verdict: null })])).toMatchObject({ n: 0, errors: 1, running: 0 })
  })

  test("has the median times of the trials that count, censored when most of them are", () => {
    const never = INSTEAD.unrepaired
    expect(only([result({}, never), result({ repetition: 2 }, never), result({ repetition: 3 })]).medians).toEqual({
      detected: { ms: 20, censored: false },
      acted: { ms: 12_000, censored: true },
      recovered: { ms: 12_000, censored: true },
    })
    expect(
      only([result({}, { recovered_ms: 900 }), result({ repetition: 2 }), result({ repetition: 3 }, never)]).medians,
    ).toMatchObject({
      recovered: { ms: 2_000, censored: false },
    })
  })

  test("of agents that never act says nothing about when they did", () => {
    expect(only([result({}, INSTEAD.unrepaired)]).medians.acted).toBeNull()
  })
})

describe("summaries", () => {
  test("come by cell, and in each the variants in one order, the most successful first", () => {
    const trials = ["counter_drift", "node_kill"].flatMap((fault) => [
      result({ fault, variant: "nobody" }, INSTEAD.unrepaired),
      result({ fault, variant: "do-nothing" }, INSTEAD.unrepaired),
      result({ fault, variant: "restart-bot" }, fault === "node_kill" ? {} : INSTEAD.unrepaired),
      result({ fault, variant: "oracle" }),
    ])
    const variants = ["oracle", "restart-bot", "do-nothing", "nobody"]
    expect(summariesOf(trials.toReversed()).map(({ fault, variant }) => [fault, variant])).toEqual([
      ...variants.map((variant) => ["counter_drift", variant]),
      ...variants.map((variant) => ["node_kill", variant]),
    ])
  })

  test("tell cells apart by subject, fault, target and parameters", () => {
    const cells = [{}, { subject: "etcd" }, { fault: "node_pause" }, { target: "all" }, { params: { loss: 5 } }]
    expect(summariesOf(cells.map((cell) => result(cell)))).toHaveLength(5)
  })
})

test("the last attempt at each trial is the one that was made last", () => {
  const attempts = [failed({ id: "a" }), result({ id: "b", repetition: 2 }), result({ id: "c", attempt: 2 })]
  expect(lastAttempts(attempts).map(({ id }) => id)).toEqual(["c", "b"])
})

describe("a time", () => {
  test("that was awaited in vain is censored at the horizon", () => {
    const trial = result({}, { detected_ms: null, recovered_ms: null })
    expect(timeOf(trial, "detected")).toEqual({ ms: 12_000, censored: true })
    expect(timeOf(trial, "recovered")).toEqual({ ms: 12_000, censored: true })
  })

  test("that nobody waited for is none", () => {
    expect(timeOf(failed(), "recovered")).toBeNull()
    expect(timeOf(result({}, INSTEAD.unrepaired), "acted")).toBeNull()
    expect(timeOf(result({}, INSTEAD.invalid), "recovered")).toBeNull()
    expect(
      timeOf(result({ fault: "none" }, { ...INSTEAD.quiet, symptom_ms: 5, recovered_ms: 9 }), "recovered"),
    ).toBeNull()
  })

  test("that an error cut short is not censored at a horizon that nobody waited for", () => {
    const { facts } = result({}, INSTEAD.unrepaired)
    expect(timeOf(failed({ facts }), "recovered")).toBeNull()
    expect(timeOf(failed({ facts }), "detected")).toEqual({ ms: 20, censored: false })
  })
})
