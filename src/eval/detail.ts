import { type Judgement, listJudgements } from "../store/judgements.ts"
import type { Store } from "../store/open.ts"
import { type Injection, injectionsOf } from "../store/injections.ts"
import { type Session, sessionsOf } from "../store/sessions.ts"
import { getTrial, type Trial } from "../store/trials.ts"
import { type Result, resultOf } from "./results.ts"

type Shown = "limits" | "environment" | "created_at" | "started_at" | "ended_at"

/** One attempt at a trial with all that was judged of it, as `--json` prints it. */
export interface Detail extends Result, Pick<Trial, Shown> {
  sessions: Session[]
  /** What was injected, one record for each life of a node. */
  injections: Pick<Injection, (typeof OF_INJECTION)[number]>[]
  /** Oldest first. The last one is the result's. */
  judgements: Omit<Judgement, "trial">[]
}

export function detailOf(store: Store, id: string): Detail {
  const trial = getTrial(store, id)
  if (!trial) throw new Error(`the store does not know the trial ${id}`)
  const { limits, environment, created_at, started_at, ended_at } = trial
  return {
    ...resultOf(store, trial),
    ...{ limits, environment, created_at, started_at, ended_at },
    injections: trial.lab === null ? [] : injectionsOf(store, trial.lab).map(shown),
    sessions: trial.lab === null ? [] : sessionsOf(store, trial.lab),
    judgements: listJudgements(store, id).map(({ trial: _, ...judgement }) => judgement),
  }
}

// internal

const OF_INJECTION = [
  ...(["id", "fault", "targets", "params", "phase", "confirmation", "reason"] as const),
  ...(["created_at", "reverted_at", "recovered_at"] as const),
] as const

function shown(injection: Injection): Detail["injections"][number] {
  return Object.fromEntries(OF_INJECTION.map((key) => [key, injection[key]])) as unknown as Detail["injections"][number]
}
