import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { result } from "../../test/support/results.ts"
import { recordAttempt, recordRun } from "../../test/support/stored-campaign.ts"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { keepText } from "../store/texts.ts"
import type { PlannedTrial } from "./matrix.ts"
import { parsePoints, planPower } from "./power-plan.ts"

let stored: StoredLab

beforeEach(() => {
  stored = storedLab()
})
afterEach(() => stored[Symbol.dispose]())

const LIMITS = {
  ...{ deadline_ms: 12_000, symptom_within_ms: 6_000, stable_ms: 3_000 },
  ...{ verify_ms: 2_000, give_up_grace_ms: 2_000, attempts: 2 },
}

function planned(fault: string, variant: string, model = "runbook", limits = "{}"): PlannedTrial {
  const text = `{name: ${variant}, about: somebody, model: ${model}, limits: ${limits}}`
  return {
    ...{ subject: "kv", subject_text: keepText(stored.store, "subject", "kv.yaml", "name: kv\nservices: {a: {}}\n") },
    variant_text: keepText(stored.store, "variant", "v.yaml", text),
    ...{ fault, variant, target: "one", params: {}, repetition: 1, seed: 1, limits: LIMITS },
  }
}

const plan = (trials: PlannedTrial[], detect = 0.3) =>
  planPower(stored.store, { trials, parallel: 2, cooldown_ms: 0 }, detect)

/** Two faults under two variants. */
const block = () => ["node_kill", "node_pause"].flatMap((fault) => [planned(fault, "a"), planned(fault, "b")])

describe("a plan", () => {
  test("takes what needs most trials where nothing is known", async () => {
    const made = await plan(block())
    expect(made).toMatchObject({
      rate: { value: 0.5, earlier: 0 },
      correlation: { value: 0, earlier: 0 },
      questions: 1,
    })
    expect(made).toMatchObject({ cells: 2, repetitions: Math.ceil(made.pairs / 2), trials: 4 * made.repetitions })
    // Fleiss without pairs: 39 trials of each; the exact test needs some more.
    expect(made.without_pairs).toBe(39)
    expect(made.pairs).toBeWithin(39, 52)
    expect(made.expected.total_ms).toBeGreaterThan(made.trials * 1_000)
  })

  test("needs more trials for a smaller difference, and for more variants", async () => {
    const { pairs } = await plan(block())
    expect((await plan(block(), 0.15)).pairs).toBeGreaterThan(3 * pairs)
    const more = [...block(), planned("node_kill", "c"), planned("node_pause", "c")]
    expect((await plan(more)).pairs).toBeGreaterThan(pairs)
  })

  test("counts a cell in which nothing is broken as cost, not as a pair, and as a question of its own", async () => {
    const made = await plan([...block(), planned("none", "a"), planned("none", "b")])
    expect(made).toMatchObject({ cells: 2, questions: 2, trials: 6 * made.repetitions })
  })

  test("goes by earlier trials: their rates, and how far successes go together", async () => {
    recordRun(stored.store, "c-1", 60)
    for (let repetition = 1; repetition <= 30; repetition++) {
      for (const variant of ["a", "b"]) {
        const verdict = repetition <= (variant === "a" ? 24 : 27) ? "repaired" : "unrepaired"
        const given = { variant, repetition, seed: repetition, verdict, facts: result().facts } as const
        recordAttempt(stored.store, "c-1", `${variant}${repetition}`, given)
      }
    }
    const made = await plan(block())
    expect(made.rate).toEqual({ value: 0.8, earlier: 60 })
    expect(made.correlation).toEqual({ value: expect.closeTo(2 / 3, 9), earlier: 30 })
    expect(made.pairs).toBeLessThan(made.without_pairs)
  })

  test("takes the limits of what was never run for its price, and says who has none", async () => {
    const claude = (name: string, limits?: string) => [planned("node_kill", name, "claude-haiku-5-5", limits)]
    const made = await plan([
      ...claude("cheap", "{usd: 0.5}"),
      ...claude("free", "{usd: none}"),
      planned("node_kill", "a"),
    ])
    expect(made.dollars.usd).toBeCloseTo(0.5 * LIMITS.attempts * made.repetitions, 9)
    expect(made.dollars.from_earlier).toBeCloseTo(1 / 3, 9)
    expect(made.dollars.unknown).toEqual(["free"])
  })

  test("is refused where there is nothing to compare", async () => {
    await expect(plan([planned("node_kill", "a")])).rejects.toThrow("one variant cannot be compared")
    await expect(plan([planned("none", "a"), planned("none", "b")])).rejects.toThrow("nothing is broken in any cell")
    await expect(plan([])).rejects.toThrow("one variant")
    await expect(plan(block(), 0.001)).rejects.toThrow("more than 65536 pairs would be needed")
    await expect(plan(block(), 0.9)).rejects.toThrow("a rate of 50 % cannot change by 90 percentage points")
  })
})

test("a difference is written in percentage points", () => {
  expect([parsePoints("15pp"), parsePoints("7.5 pp"), parsePoints("100pp")]).toEqual([0.15, 0.075, 1])
  for (const text of ["15", "15%", "0pp", "101pp", "-5pp", "", "pp"])
    expect(() => parsePoints(text)).toThrow("is not a difference")
})
