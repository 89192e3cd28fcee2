import type { Facts } from "../../src/eval/facts.ts"
import type { Verdict } from "../../src/eval/verdict.ts"
import { createCampaign } from "../../src/store/campaigns.ts"
import { addJudgement } from "../../src/store/judgements.ts"
import type { Store } from "../../src/store/open.ts"
import { keepText } from "../../src/store/texts.ts"
import { createTrial, enterStage } from "../../src/store/trials.ts"
import { recordLab } from "./stored-lab.ts"

/** Records a campaign that is to run so many trials. */
export function recordRun(store: Store, id: string, trials: number): void {
  const matrix = JSON.stringify(Array.from({ length: trials }, () => ({})))
  createCampaign(store, { id, name: "quickstart", matrix_hash: "0", matrix })
}

export interface GivenAttempt {
  fault?: string
  variant?: string
  repetition?: number
  seed?: number
  params?: Record<string, unknown>
  /** What the variant's file says. */
  text?: string
  /** Without one it has not ended. */
  verdict?: Verdict | undefined
  facts?: Facts | null
}

/** Records an attempt in a lab of its own, which is nothing but its record. */
export function recordAttempt(store: Store, campaign: string, id: string, given: GivenAttempt = {}): void {
  const {
    fault = "node_kill",
    variant = "oracle",
    repetition = 1,
    seed = 1,
    params = {},
    verdict,
    facts = null,
  } = given
  const text = keepText(store, "variant", "v.yaml", given.text ?? variant)
  createTrial(store, {
    ...{ id, campaign, subject: "kv", fault, target: "one", params, variant, repetition, seed, limits: LIMITS },
    ...{ subject_text: keepText(store, "subject", "kv.yaml", SUBJECT), variant_text: text, environment: {} },
  })
  const lab = recordLab(store, `lab-${id}`, id)
  store.db.run("update trials set lab = ? where id = ?", [lab, id])
  if (verdict === undefined) return
  enterStage(store, id, lab, verdict === "error" ? "error" : verdict === "invalid" ? "invalid" : "done")
  addJudgement(store, { trial: id, judge_version: 1, facts, verdict, reasons: [`it is ${verdict}`] })
}

// internal

const SUBJECT = "name: kv\nservices: {a: {}}\n"

const LIMITS = {
  ...{ deadline_ms: 1_000, symptom_within_ms: 1_000, stable_ms: 1_000 },
  ...{ verify_ms: 1_000, give_up_grace_ms: 1_000, attempts: 2 },
}
