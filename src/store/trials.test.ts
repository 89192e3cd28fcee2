import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { recordCampaign, recordLab, recordTrial, type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { events, firstBreak } from "./events.ts"
import { addJudgement, latestJudgement } from "./judgements.ts"
import type { Stage } from "./kinds.ts"
import { ENDED, enterStage, failWithoutLab, getTrial, listTrials } from "./trials.ts"

let clock: ReturnType<typeof fakeClock>
let stored: StoredLab

beforeEach(() => {
  clock = fakeClock()
  stored = storedLab(clock)
  recordCampaign(stored.store, "c-1")
})

afterEach(() => stored[Symbol.dispose]())

/** A trial with its lab. */
function started(id = "t-1"): string {
  recordTrial(stored.store, "c-1", id)
  return recordLab(stored.store, `lab-of-${id}`, id)
}

const stages = (lab: string) => events(stored.store, lab, { kinds: ["trial.stage"] }).map(({ body }) => body.stage)
const trial = (id = "t-1") => getTrial(stored.store, id)!

describe("a trial", () => {
  test("is prepared with its lab, and goes on by events and row alike", () => {
    const lab = started()
    const started_at = clock.now().toISOString()
    expect(trial()).toMatchObject({ stage: "preparing", lab, started_at, ended_at: null })
    clock.advance(5_000)
    enterStage(stored.store, "t-1", lab, "ready")
    enterStage(stored.store, "t-1", lab, "invalid", "no_symptom")
    const ended_at = clock.now().toISOString()
    expect(trial()).toMatchObject({ stage: "invalid", reason: "no_symptom", started_at, ended_at })
    expect(stages(lab)).toEqual(["preparing", "ready", "invalid"])
    expect(firstBreak(stored.store, lab)).toBeUndefined()
  })

  test.each([...ENDED])("that has ended as %s stays so, whoever else thinks that it has ended", (end) => {
    const lab = started()
    enterStage(stored.store, "t-1", lab, end, "first")
    const before = trial()
    clock.advance(1_000)
    const others: Stage[] = ["healing", "done", "invalid", "error"]
    for (const stage of others) enterStage(stored.store, "t-1", lab, stage, "second")
    failWithoutLab(stored.store, "t-1", "third")
    expect(trial()).toEqual(before)
    expect(stages(lab)).toEqual(["preparing", end])
  })

  test("that died before it had a lab is an error with a reason, once", () => {
    recordTrial(stored.store, "c-1", "t-1")
    failWithoutLab(stored.store, "t-1", "it died")
    failWithoutLab(stored.store, "t-1", "again")
    expect(trial()).toMatchObject({ stage: "error", reason: "it died", lab: null, ended_at: clock.now().toISOString() })
  })

  test("is one row an attempt, and the attempts are counted", () => {
    for (const id of ["t-1", "t-2", "t-3"]) recordTrial(stored.store, "c-1", id)
    recordCampaign(stored.store, "c-2")
    recordTrial(stored.store, "c-2", "t-4")
    const rows = listTrials(stored.store).map(({ id, campaign, attempt }) => [id, campaign, attempt])
    expect(rows).toEqual([
      ["t-1", "c-1", 1],
      ["t-2", "c-1", 2],
      ["t-3", "c-1", 3],
      ["t-4", "c-2", 1],
    ])
    expect(listTrials(stored.store, { campaign: "c-1", limit: 1 }).map(({ id }) => id)).toEqual(["t-3"])
    expect(() => recordTrial(stored.store, "c-1", "t-1")).toThrow("UNIQUE")
  })

  test("may be judged again: judgements are added, and the newest counts", () => {
    started()
    for (const [judge_version, verdict] of [
      [1, "unrepaired"],
      [2, "repaired"],
    ] as const) {
      addJudgement(stored.store, { trial: "t-1", judge_version, facts: { n: judge_version }, verdict, reasons: ["r"] })
    }
    expect(latestJudgement(stored.store, "t-1")).toMatchObject({ judge_version: 2, facts: { n: 2 }, reasons: ["r"] })
    expect(trial().verdict).toBe("repaired")
    expect(stored.store.db.query("select count(*) as n from judgements").get()).toEqual({ n: 2 })
  })
})
