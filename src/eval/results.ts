import { type Judgement, latestJudgement, latestJudgements } from "../store/judgements.ts"
import type { Store } from "../store/open.ts"
import { listTrials, type Trial } from "../store/trials.ts"
import type { Facts } from "./facts.ts"
import type { Verdict } from "./verdict.ts"

type Shown =
  | "id"
  | "campaign"
  | "subject"
  | "fault"
  | "target"
  | "params"
  | "variant"
  | "repetition"
  | "attempt"
  | "seed"
  | "stage"
  | "reason"
  | "lab"

/** A trial with its newest judgement, as `--json` prints it. */
export interface Result extends Pick<Trial, Shown>, Partial<Pick<Trial, "on_restart">> {
  verdict: Verdict | null
  reasons: string[]
  facts: Facts | null
  /** Of the judge whose judgement it is; null: nobody has judged it. */
  judge_version: number | null
}

/** Every attempt of a campaign, in the order in which they were made. One that has not ended has no verdict yet. */
export function resultsOf(store: Store, { campaign }: { campaign: string }): Result[] {
  const judgements = latestJudgements(store, campaign)
  return listTrials(store, { campaign }).map((trial) => judgedResult(trial, judgements.get(trial.id)))
}

export function resultOf(store: Store, trial: Trial): Result {
  return judgedResult(trial, latestJudgement(store, trial.id))
}

export function judgedResult(trial: Trial, judgement: Judgement | undefined): Result {
  const { id, campaign, subject, fault, target, params, variant, repetition, attempt, seed, stage, reason, lab } = trial
  return {
    ...{ id, campaign, subject, fault, target, params, variant, repetition, attempt, seed, stage, reason, lab },
    ...(trial.on_restart === "void" && { on_restart: trial.on_restart }),
    verdict: (judgement?.verdict as Verdict | undefined) ?? null,
    reasons: judgement?.reasons ?? [],
    facts: (judgement?.facts as Facts | null | undefined) ?? null,
    judge_version: judgement?.judge_version ?? null,
  }
}
