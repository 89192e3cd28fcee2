import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { type GivenAttempt, recordAttempt, recordRun } from "../../test/support/stored-campaign.ts"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { endCampaign } from "../store/campaigns.ts"
import { addJudgement } from "../store/judgements.ts"
import { getOutcome, listOutcomes } from "./campaigns.ts"
import { detailOf } from "./detail.ts"
import { resultsOf } from "./results.ts"
import { findResult, findStoredCampaign } from "./find.ts"

let clock: ReturnType<typeof fakeClock>
let stored: StoredLab

beforeEach(() => {
  clock = fakeClock()
  stored = storedLab(clock)
})
afterEach(() => stored[Symbol.dispose]())

const campaign = (id: string, trials: number) => {
  recordRun(stored.store, id, trials)
  clock.advance(1_000)
}
const attempt = (campaign: string, id: string, given: GivenAttempt = {}) =>
  recordAttempt(stored.store, campaign, id, given)

describe("the list of campaigns", () => {
  test("has the newest first, and how far each is", () => {
    campaign("c1", 3)
    attempt("c1", "t1", { verdict: "repaired" })
    attempt("c1", "t2", { repetition: 2, verdict: "invalid" })
    attempt("c1", "t3", { repetition: 3, verdict: "error" })
    endCampaign(stored.store, "c1")
    campaign("c2", 2)
    attempt("c2", "t4", { verdict: "unrepaired" })
    expect(listOutcomes(stored.store, 20)).toMatchObject([
      { id: "c2", name: "quickstart", state: "running", done: 1, total: 2, ended_at: null },
      { id: "c1", name: "quickstart", state: "finished", done: 2, total: 3 },
    ])
    expect(listOutcomes(stored.store, 1).map(({ id }) => id)).toEqual(["c2"])
  })

  test("calls a campaign whose runner is dead unfinished", () => {
    campaign("c1", 1)
    stored.store.db.run("update campaigns set runner_pid = 1, runner_started = 'never'")
    expect(listOutcomes(stored.store, 20)[0]!.state).toBe("unfinished")
  })

  test("counts the successes of each variant among the last attempts that count", () => {
    campaign("c1", 5)
    attempt("c1", "t1", { variant: "bot", verdict: "unrepaired" })
    attempt("c1", "t2", { verdict: "error" })
    attempt("c1", "t3", { verdict: "repaired" })
    attempt("c1", "t4", { fault: "none", verdict: "quiet" })
    attempt("c1", "t5", { fault: "none", variant: "bot", verdict: "quiet" })
    attempt("c1", "t6", { repetition: 2 })
    expect(getOutcome(stored.store, "c1")!.variants).toEqual([
      { variant: "oracle", n: 2, successes: 2 },
      { variant: "bot", n: 2, successes: 1 },
    ])
  })
})

describe("an id", () => {
  test("of a campaign, a trial or a lab leads there, shortened too, and `last` to the newest campaign", () => {
    campaign("c-first", 1)
    campaign("c-second", 1)
    attempt("c-first", "t1")
    const found = (word: string) => Object.values(findResult(stored.store, word)).join(" ")
    expect(found("c-f")).toBe("campaign c-first")
    expect(found("t1")).toBe("trial t1")
    expect(found("lab")).toBe("trial t1")
    expect(found("last")).toBe("campaign c-second")
    expect(() => found("c-")).toThrow("may be any of 2")
    expect(() => found("nothing")).toThrow('no campaign or trial "nothing"')
  })

  test("of a campaign need only be unique among campaigns, and a trial's is told from it", () => {
    campaign("2026-01-28T20", 1)
    campaign("2026-01-29T20", 1)
    attempt("2026-01-28T20", "2026-01-28T21")
    const found = (word: string) => findStoredCampaign(stored.store, word)
    expect([found("2026-01-28"), found("last")]).toEqual(["2026-01-28T20", "2026-01-29T20"])
    expect(() => found("2026-01-28T21")).toThrow("is a trial, not a campaign")
    expect(() => found("lab-2026")).toThrow("is a trial, not a campaign")
    expect(() => found("2026")).toThrow("may be any of 2 campaigns")
    expect(() => found("x")).toThrow('no campaign "x"')
  })

  test("leads nowhere in a store without a campaign", () => {
    expect(() => findResult(stored.store, "last")).toThrow("no campaign yet")
  })
})

test("a trial in detail has every judgement, and shows the newest", () => {
  campaign("c1", 1)
  attempt("c1", "t1", { verdict: "unrepaired" })
  addJudgement(stored.store, {
    trial: "t1",
    judge_version: 2,
    facts: null,
    verdict: "repaired",
    reasons: ["on second thought"],
  })
  const detail = detailOf(stored.store, "t1")
  expect(detail).toMatchObject({
    id: "t1",
    lab: "lab-t1",
    verdict: "repaired",
    reasons: ["on second thought"],
    sessions: [],
  })
  expect(detail.judgements.map(({ judge_version, verdict }) => [judge_version, verdict])).toEqual([
    [1, "unrepaired"],
    [2, "repaired"],
  ])
  const results = resultsOf(stored.store, { campaign: "c1" })
  expect(results.map(({ verdict, judge_version }) => [verdict, judge_version])).toEqual([["repaired", 2]])
})
