import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { recordCampaign, recordLab, type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import type { Stage } from "../store/kinds.ts"
import { keepText } from "../store/texts.ts"
import { createTrial, enterStage } from "../store/trials.ts"
import { expectAll, expectTrials } from "./expected.ts"
import type { PlannedTrial } from "./matrix.ts"

const LIMITS = {
  ...{ deadline_ms: 12_000, symptom_within_ms: 6_000, stable_ms: 3_000 },
  ...{ verify_ms: 2_000, give_up_grace_ms: 2_000, attempts: 2 },
}

let clock: ReturnType<typeof fakeClock>
let stored: StoredLab

beforeEach(() => {
  clock = fakeClock()
  stored = storedLab(clock)
  recordCampaign(stored.store, "c")
})
afterEach(() => stored[Symbol.dispose]())

function planned(fault: string, variant: string, given: Partial<PlannedTrial> = {}): PlannedTrial {
  const subject = "name: kv\nservices: {a: {}}\nx-operator: {ready: {stable: 2s}}\n"
  const model = variant === "nobody" ? "nobody" : "runbook"
  return {
    ...{ subject: "kv", subject_text: keepText(stored.store, "subject", "kv.yaml", subject) },
    variant_text: keepText(stored.store, "variant", "v.yaml", `{name: ${variant}, about: a control, model: ${model}}`),
    ...{ fault, variant, target: "one", params: {}, repetition: 1, seed: 1, limits: LIMITS },
    ...given,
  }
}

let made = 0

/** Records a trial that took so long from stage to stage. */
function ran(trial: PlannedTrial, stages: [stage: Stage, took_ms: number][]): void {
  const id = `t${++made}`
  createTrial(stored.store, { ...trial, id, campaign: "c", repetition: made, environment: {} })
  const lab = recordLab(stored.store, `kv-${id}`, id)
  stored.store.db.run("update trials set lab = ? where id = ?", [lab, id])
  for (const [stage, took_ms] of stages) {
    enterStage(stored.store, id, lab, stage)
    clock.advance(took_ms)
  }
}

const lasting = (running_ms: number, parked_ms = 0): [Stage, number][] => [
  ["preparing", 3_000],
  ["ready", parked_ms],
  ["injecting", 100],
  ["settling", running_ms - 100],
  ["done", 0],
]

describe("what is expected of a trial", () => {
  test("is the median of earlier ones of its kind, without the time in which they were parked", async () => {
    const trial = planned("node_kill", "bot")
    for (const running_ms of [4_000, 9_000, 5_000]) ran(trial, lasting(running_ms, 60_000))
    const expected = await expectTrials(stored.store, [trial])
    expect(expected(trial)).toEqual({ preparing_ms: 3_000, running_ms: 5_000, earlier: 3 })
  })

  test("is not taken from trials of another fault, variant or limits, nor from those that ended in an error", async () => {
    const trial = planned("node_kill", "bot")
    ran(planned("node_pause", "bot"), lasting(1_000))
    ran(planned("node_kill", "nobody"), lasting(1_000))
    ran(planned("node_kill", "bot", { limits: { ...LIMITS, deadline_ms: 600_000 } }), lasting(1_000))
    ran(trial, [
      ["preparing", 1_000],
      ["ready", 0],
      ["injecting", 1_000],
      ["error", 0],
    ])
    const expected = await expectTrials(stored.store, [trial])
    expect(expected(trial).earlier).toBe(0)
  })

  test("without an earlier one follows from the limits, by who repairs what", async () => {
    const trials = [planned("none", "bot"), planned("node_kill", "nobody"), planned("node_kill", "bot")]
    const expected = await expectTrials(stored.store, trials)
    const [quiet, nobody, bot] = trials.map((trial) => expected(trial).running_ms)
    expect(quiet).toBeGreaterThanOrEqual(LIMITS.symptom_within_ms)
    expect(nobody).toBeGreaterThanOrEqual(LIMITS.deadline_ms)
    expect(bot).toBeGreaterThanOrEqual(LIMITS.stable_ms)
    expect(bot).toBeLessThan(nobody!)
    const called = [planned("false_page", "bot"), planned("healed_page", "nobody")]
    const [at_once, later] = await expectTrials(stored.store, called).then((expected) =>
      called.map((trial) => expected(trial).running_ms),
    )
    expect(at_once).toBeGreaterThanOrEqual(LIMITS.stable_ms)
    expect(later).toBeGreaterThanOrEqual(2 * LIMITS.stable_ms)
    expect(expected(trials[0]!).preparing_ms).toBeGreaterThanOrEqual(2_000)
  })
})

describe("what is expected of trials together", () => {
  const trial = (running_ms: number, earlier = 0) => ({ preparing_ms: 2_000, running_ms, earlier })

  test("is the first preparation, and all of them divided by how many run at once", () => {
    const trials = [trial(10_000), trial(20_000), trial(10_000), trial(20_000)]
    expect(expectAll(trials, { parallel: 1, cooldown_ms: 0 }).total_ms).toBe(62_000)
    expect(expectAll(trials, { parallel: 2, cooldown_ms: 0 }).total_ms).toBe(32_000)
  })

  test("is at least the longest one", () => {
    expect(expectAll([trial(1_000), trial(20_000)], { parallel: 4, cooldown_ms: 0 }).total_ms).toBe(22_000)
  })

  test("has every preparation and pause where trials wait for each other", () => {
    expect(expectAll([trial(10_000), trial(10_000)], { parallel: 1, cooldown_ms: 1_000 }).total_ms).toBe(26_000)
  })

  test("says which share of it is known from earlier trials", () => {
    const known = (...trials: ReturnType<typeof trial>[]) =>
      expectAll(trials, { parallel: 1, cooldown_ms: 0 }).from_earlier
    expect(known(trial(30_000, 5), trial(10_000))).toBe(0.75)
    expect(known(trial(10_000, 1))).toBe(1)
    expect(known()).toBe(0)
  })
})
