import { latestJudgements } from "../store/judgements.ts"
import type { Store } from "../store/open.ts"
import { listTrials, type Trial } from "../store/trials.ts"
import { judgedResult, type Result, resultOf } from "./results.ts"
import { type Usage, usageByLab } from "./usage.ts"

/** One attempt at a trial with its newest judgement, what it used, and the texts that decide whether it can be compared. */
export interface Measured extends Result, Usage, Pick<Trial, "subject_text" | "variant_text" | "created_at"> {}

/** The attempts of one campaign, or those at one subject and fault over all campaigns, in the order in which they were made. */
export function measuredOf(store: Store, which: { campaign: string } | { subject: string; fault: string }): Measured[] {
  const campaign = "campaign" in which ? which.campaign : null
  const usage = usageByLab(store, campaign)
  const judgements = campaign === null ? null : latestJudgements(store, campaign)
  return listTrials(store, which).map((trial) => {
    const { subject_text, variant_text, created_at, lab } = trial
    const used = (lab === null ? undefined : usage.get(lab)) ?? UNUSED
    const result = judgements ? judgedResult(trial, judgements.get(trial.id)) : resultOf(store, trial)
    return { ...result, ...used, subject_text, variant_text, created_at }
  })
}

// internal

/** Nobody worked there. */
const UNUSED: Usage = { cost_usd: 0, tokens: null, steps: 0 }
