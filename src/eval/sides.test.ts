import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { result } from "../../test/support/results.ts"
import { type GivenAttempt, recordAttempt, recordRun } from "../../test/support/stored-campaign.ts"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { getTrial } from "../store/trials.ts"
import { detailOf } from "./detail.ts"
import { historyOf } from "./history.ts"
import { regrade } from "./regrade.ts"
import { sidesAgainst, sidesAt, sidesOf } from "./sides.ts"
import { JUDGE_VERSION } from "./verdict.ts"

let clock: ReturnType<typeof fakeClock>
let stored: StoredLab
let count = 0

beforeEach(() => {
  clock = fakeClock()
  stored = storedLab(clock)
  run("c-1")
  attempt("c-1", { variant: "nobody" })
  attempt("c-1", { variant: "oracle" })
  run("c-2")
  attempt("c-2", { variant: "oracle", text: "changed" })
  attempt("c-2", { variant: "bot" })
})
afterEach(() => stored[Symbol.dispose]())

function run(id: string): void {
  clock.advance(60_000)
  recordRun(stored.store, id, 2)
}

function attempt(campaign: string, given: GivenAttempt): string {
  clock.advance(1_000)
  const id = `t${++count}`
  recordAttempt(stored.store, campaign, id, { verdict: "repaired", facts: result().facts, ...given })
  return id
}

describe("what is compared", () => {
  const sides = (a: string, b: string, campaign?: string) =>
    sidesOf(stored.store, a, b, campaign).map(({ a, b, pairing: { pairs } }) => [a, b, pairs.length])

  test("is two variants of the newest campaign that has both", () => {
    expect(sides("oracle", "nobody")).toEqual([["oracle", "nobody", 1]])
    expect(sides("oracle", "bot", "c-2")).toEqual([["oracle", "bot", 1]])
  })

  test("or each variant that two campaigns have, with itself", () => {
    expect(sides("c-1", "last")).toEqual([["oracle in c-1", "oracle in c-2", 1]])
  })

  test("or everybody else of a campaign with a baseline, or all who were tried at a fault", () => {
    const names = (found: ReturnType<typeof sidesOf>) => found.map(({ a, b }) => `${a} ${b}`)
    expect(names(sidesAgainst(stored.store, "c-1"))).toEqual(["nobody oracle"])
    expect(names(sidesAgainst(stored.store, "c-2", "bot"))).toEqual(["bot oracle"])
    expect(names(sidesAt(stored.store, "kv", "node_kill"))).toEqual(["bot nobody", "bot oracle", "nobody oracle"])
  })

  test("over several campaigns is every pair of each, though their repetitions have the same numbers", () => {
    for (const campaign of ["c-3", "c-4"]) {
      run(campaign)
      for (const variant of ["nobody", "oracle"]) attempt(campaign, { variant })
    }
    const [, , sides] = sidesAt(stored.store, "kv", "node_kill")
    expect(sides!.pairing).toMatchObject({ pairs: { length: 3 }, dropped: 0, alone: 1 })
  })

  test("must have something in common", () => {
    expect(() => sides("nobody", "bot")).toThrow("no campaign has both nobody and bot")
    run("c-3")
    attempt("c-3", { variant: "oracle", seed: 9 })
    expect(() => sides("c-2", "c-3")).toThrow("c-2 and c-3 have no trial in common")
    run("c-4")
    expect(() => sides("c-2", "c-4")).toThrow("have no trial in common")
    expect(() => sidesAgainst(stored.store, "c-4")).toThrow("no trial of c-4 has begun")
  })

  test("must be there, and not be the same thing twice", () => {
    expect(() => sides("oracle", "oracle")).toThrow("compared with itself")
    expect(() => sides("c-1", "c-1")).toThrow("compared with itself")
    expect(() => sides("oracle", "c-1")).toThrow('oracle is a variant, and there is none that is called "c-1"')
    expect(() => sides("oracl", "nobdy")).toThrow('did you mean "oracle"?')
    expect(() => sides("c-1", "x-9")).toThrow('no campaign "x-9"')
    expect(() => sides("c-1", "c-2", "c-1")).toThrow("--campaign goes with two variants")
    expect(() => sidesAgainst(stored.store, "c-2")).toThrow('c-2 has no variant "nobody"')
    expect(() => sidesAt(stored.store, "kv", "node_kil")).toThrow('did you mean "node_kill"?')
    expect(() => sidesAt(stored.store, "kw", "node_kill")).toThrow('did you mean "kv"?')
  })
})

test("the history of a fault has each campaign in its time, and says what was changed in between", () => {
  const told = historyOf(stored.store, "kv", "node_kill", "oracle")
  expect(told.map(({ campaign, n, changed }) => [campaign, n, changed])).toEqual([
    ["c-1", 1, []],
    ["c-2", 1, ["variant"]],
  ])
  expect(historyOf(stored.store, "kv", "node_kill", "claude")).toEqual([])
})

describe("judging again", () => {
  test("adds what the current judge says beside what others said, and says what changed", async () => {
    const id = attempt("c-2", { variant: "bot", repetition: 2 })
    const running = attempt("c-2", { variant: "bot", repetition: 3, verdict: undefined })
    const first = await regrade(stored.store, "c-2")
    // Nothing was injected in a lab that is nothing but its record.
    expect(first).toMatchObject({ judge_version: JUDGE_VERSION, looked_at: 3, running: 1, added: 3, failed: [] })
    const change = first.changed.find(({ trial }) => trial === id)!
    expect(change).toMatchObject({ before: { judge_version: 1, verdict: "repaired" }, after: "invalid" })
    expect(change.facts).toContain("recovered_ms")
    expect(detailOf(stored.store, id).judgements.map(({ verdict }) => verdict)).toEqual(["repaired", "invalid"])
    expect(getTrial(stored.store, running)!.verdict).toBeNull()
  })

  test("adds nothing where the newest judgement says the same, and leaves other campaigns alone", async () => {
    await regrade(stored.store, "c-2")
    expect(await regrade(stored.store, "c-2")).toMatchObject({ looked_at: 2, added: 0, changed: [] })
    expect(await regrade(stored.store, null)).toMatchObject({ looked_at: 4, added: 2 })
  })

  test("goes on after one that cannot be judged, and says which that is", async () => {
    const id = attempt("c-1", { variant: "bot" })
    stored.store.db.run("update trials set subject_text = ? where id = ?", [
      stored.store.db.query<{ variant_text: string }, [string]>("select variant_text from trials where id = ?").get(id)!
        .variant_text,
      id,
    ])
    const { added, failed } = await regrade(stored.store, "c-1")
    expect(added).toBe(2)
    expect(failed.map(({ trial }) => trial)).toEqual([id])
  })
})
