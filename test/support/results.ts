import type { Facts } from "../../src/eval/facts.ts"
import type { Measured } from "../../src/eval/measured.ts"
import type { Result } from "../../src/eval/results.ts"
import { type Verdict, verdictOf } from "../../src/eval/verdict.ts"

/** A trial in which the agent repaired a killed node, but for what is said of it. Its verdict follows from its facts. */
export function result(given: Partial<Omit<Result, "facts" | "verdict">> = {}, facts: Partial<Facts> = {}): Result {
  const known: Facts = { ...REPAIRED, fault: given.fault ?? REPAIRED.fault, ...facts }
  return { ...TRIAL, ...given, facts: known, ...verdictOf(known) }
}

/** Such a trial with what it used: nothing, unless it is given. */
export function measured(
  given: Partial<Omit<Measured, "facts" | "verdict">> = {},
  facts: Partial<Facts> = {},
): Measured {
  return withUsage(result(given, facts), given)
}

/** Any attempt with what it used. */
export function withUsage(result: Result, given: Partial<Measured> = {}): Measured {
  return { ...UNUSED, ...given, ...result }
}

/** An attempt that died. */
export function failed(given: Partial<Result> = {}): Result {
  const reason = "its process died"
  return { ...TRIAL, stage: "error", reason, verdict: "error", reasons: [reason], facts: null, ...given }
}

/** An attempt that has not ended. */
export function unended(given: Partial<Result> = {}): Result {
  return { ...TRIAL, stage: "settling", verdict: null, reasons: [], facts: null, judge_version: null, ...given }
}

/** What is different from a repair in a trial that has another verdict. */
export const INSTEAD: Partial<Record<Verdict, Partial<Facts>>> = {
  unrepaired: { recovered_ms: null, acted_ms: null, lifted_by: "nobody" },
  self_healed: { acted_ms: null },
  damaged: { harm: "data_loss", harm_details: ["3 of 90 acknowledged writes are lost, 0 are wrong"] },
  invalid: { symptom_ms: null, detected_ms: null, acted_ms: null, recovered_ms: null },
  quiet: { fault: "none", symptom_ms: null, detected_ms: null, acted_ms: null, recovered_ms: null, tickets: 0 },
  false_alarm: { fault: "none", symptom_ms: null, acted_ms: null, recovered_ms: null },
}

// internal

const UNUSED: Omit<Measured, keyof Result> = {
  ...{ cost_usd: 0, tokens: null, steps: 2 },
  ...{ subject_text: "s-1", variant_text: "v-1", created_at: "2026-01-28T20:54:48.000Z" },
}

const TRIAL: Omit<Result, "verdict" | "reasons" | "facts"> = {
  ...{ id: "2026-01-28T20-54-48-3a029c12", campaign: "2026-01-28T20-54-40-00000000", lab: "kv-7f3a" },
  ...{ subject: "kv", fault: "node_kill", target: "one", params: {}, variant: "oracle" },
  ...{ repetition: 1, attempt: 1, seed: 1, stage: "done", reason: null, judge_version: 2 },
}

const REPAIRED: Facts = {
  fault: "node_kill",
  confirmation: "confirmed",
  targets: ["a"],
  symptom_ms: 10,
  detected_ms: 20,
  acted_ms: 500,
  recovered_ms: 2_000,
  horizon_ms: 12_000,
  lifted_by: "agent",
  harm: "none",
  harm_details: [],
  tickets: 1,
  sessions: [],
  commands: { read: 0, change: 1, destroy: 0 },
}
