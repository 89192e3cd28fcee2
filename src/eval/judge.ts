import { storedSubject } from "../lab/parse-subject.ts"
import { gatesOf } from "../lab/subject.ts"
import { addJudgement, type Judgement } from "../store/judgements.ts"
import type { Store } from "../store/open.ts"
import type { Trial } from "../store/trials.ts"
import { type Facts, factsOf } from "./facts.ts"
import { JUDGE_VERSION, type Verdict, verdictOf } from "./verdict.ts"

export interface Judged extends Omit<Judgement, "at" | "facts" | "verdict"> {
  facts: Facts | null
  verdict: Verdict
}

/** Judges one attempt from the store alone, and adds the judgement to those that are there. */
export async function judge(store: Store, trial: Trial): Promise<Judged> {
  const judged = await opinionOf(store, trial)
  addJudged(store, judged)
  return judged
}

/** What the current judge says of an attempt. Nothing is changed. */
export async function opinionOf(store: Store, trial: Trial): Promise<Judged> {
  return { trial: trial.id, judge_version: JUDGE_VERSION, ...(await opinion(store, trial)) }
}

/** Adds what a judge has said to what is there. */
export function addJudged(store: Store, judged: Judged): void {
  addJudgement(store, judged)
}

// internal

async function opinion(store: Store, trial: Trial): Promise<Pick<Judged, "facts" | "verdict" | "reasons">> {
  const subject = await storedSubject(store, trial)
  const may_change = subject.faults[trial.fault]?.may_change ?? []
  const facts = factsOf(store, trial, { gates: gatesOf(subject), may_change }) ?? null
  const reasons = [trial.reason ?? "it ended without a reason"]
  if (trial.stage === "error" || facts === null) return { facts, verdict: "error", reasons }
  const judged = verdictOf(facts)
  // What was seen after the trial had given up on its symptom was not watched to an end.
  return trial.stage === "invalid" && judged.verdict !== "invalid"
    ? { facts, verdict: "invalid", reasons }
    : { facts, ...judged }
}
