import { afterEach, beforeEach, expect, test } from "bun:test"
import { recordCampaign, recordLab, type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { append } from "../store/events.ts"
import { enterPhase, recordConfirmation } from "../store/injections.ts"
import { planInjection } from "../store/plan-injection.ts"
import { latestJudgement } from "../store/judgements.ts"
import type { Stage } from "../store/kinds.ts"
import { keepText } from "../store/texts.ts"
import { createTrial, enterStage, failWithoutLab, getTrial } from "../store/trials.ts"
import { judge } from "./judge.ts"
import { JUDGE_VERSION } from "./verdict.ts"

const LAB = "kv-2"
const TRIAL = "t-1"
const SUBJECT = JSON.stringify({
  name: "kv",
  services: { a: {} },
  "x-operator": {
    invariants: [
      { name: "health", probe: { http: "http://a/" } },
      { name: "slow", role: "notice", probe: { http: "http://a/" } },
    ],
    faults: { node_kill: { may_change: ["limits"] } },
  },
})
const LIMITS = {
  deadline_ms: 9_000,
  symptom_within_ms: 1_000,
  stable_ms: 1_000,
  verify_ms: 1_000,
  give_up_grace_ms: 0,
  attempts: 1,
}

let stored: StoredLab
beforeEach(() => {
  stored = storedLab()
  const { store } = stored
  recordCampaign(store, "c-1")
  const text = keepText(store, "subject", "kv.yaml", SUBJECT)
  createTrial(store, {
    ...{
      id: TRIAL,
      campaign: "c-1",
      subject: "kv",
      fault: "node_kill",
      target: "one",
      params: {},
      variant: "v",
      repetition: 1,
      seed: 1,
    },
    ...{ limits: LIMITS, subject_text: text, variant_text: text, environment: {} },
  })
})
afterEach(() => stored[Symbol.dispose]())

function run(violated: string, end: Stage, reason: string | null = null): void {
  const { store } = stored
  recordLab(store, LAB, TRIAL)
  planInjection(store, { id: "i-1", lab: LAB, fault: "node_kill", targets: ["a"], params: {}, plan: {} })
  enterPhase(store, { id: "i-1", lab: LAB }, "injecting")
  enterPhase(store, { id: "i-1", lab: LAB }, "active")
  recordConfirmation(store, { id: "i-1", lab: LAB }, "confirmed", "seen")
  const seen = {
    invariant: violated,
    node: "a",
    status: "violated",
    was: "ok",
    value: null,
    reason: "",
    every_ms: 1,
  } as const
  append(store, LAB, "observation", seen)
  enterStage(store, TRIAL, LAB, end, reason)
}

const judged = () => judge(stored.store, getTrial(stored.store, TRIAL)!)

test.each(["health", "node_running", "slo"])("the gate %s is what a fault is felt by", async (gate) => {
  run(gate, "done")
  expect(await judged()).toMatchObject({ verdict: "unrepaired", facts: { symptom_ms: expect.any(Number) } })
})

test("a notice is not what a fault is felt by", async () => {
  run("slow", "done")
  expect(await judged()).toMatchObject({ verdict: "invalid", reasons: [expect.stringContaining("no_symptom")] })
})

test("a trial that had given up on its symptom is invalid, also when a gate failed in its last moment", async () => {
  run("health", "invalid", "no_symptom")
  expect(await judged()).toMatchObject({ verdict: "invalid", reasons: ["no_symptom"] })
})

test("an attempt that went wrong is an error with its reason, whatever was seen, with a lab or without", async () => {
  run("health", "error", "its guardian died")
  expect(await judged()).toMatchObject({
    verdict: "error",
    reasons: ["its guardian died"],
    facts: { fault: "node_kill" },
  })
})

test("an attempt that never came to a lab is an error without facts", async () => {
  failWithoutLab(stored.store, TRIAL, "no port was free")
  expect(await judged()).toMatchObject({ verdict: "error", reasons: ["no port was free"], facts: null })
})

test("a judgement is added to those that are there, and the trial shows the newest", async () => {
  run("health", "done")
  await judged()
  await judged()
  const { n } = stored.store.db.query<{ n: number }, []>("select count(*) as n from judgements").get()!
  expect(n).toBe(2)
  expect(latestJudgement(stored.store, TRIAL)).toMatchObject({ verdict: "unrepaired", judge_version: JUDGE_VERSION })
  expect(getTrial(stored.store, TRIAL)!.verdict).toBe("unrepaired")
})
