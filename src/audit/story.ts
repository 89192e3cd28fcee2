import { latestJudgement } from "../store/judgements.ts"
import { type Event, events, firstBreak } from "../store/events.ts"
import { injectionsOf } from "../store/injections.ts"
import { getLab, type LabRow } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { getTrial, type Trial } from "../store/trials.ts"
import type { LogPlace } from "./find.ts"

/** All that the store knows of one lab, of one session in it, or of an attempt that never came to a lab; in order. */
export interface Story {
  lab: LabRow | null
  trial: Trial | null
  verdict: string | null
  reasons: string[]
  facts: unknown
  /** The moment from which the timeline counts: when the fault became active, else when the lab was made. */
  zero_ms: number
  /** Of the whole log, also when the story is one session's. From `seq` on nothing is proven. */
  chain: { intact: true } | { intact: false; seq: number; reason: string }
  events: Event[]
}

export function tellStory(store: Store, place: LogPlace): Story {
  const lab = place.lab === null ? null : known(getLab(store, place.lab), place.lab)
  const trialId = lab === null ? place.id : lab.trial
  const trial = trialId === null ? null : known(getTrial(store, trialId), trialId)
  const judgement = trial && latestJudgement(store, trial.id)
  const log = lab === null ? [] : events(store, lab.id)
  const broken = lab === null ? undefined : firstBreak(store, lab.id)
  return {
    lab,
    trial,
    verdict: judgement?.verdict ?? null,
    reasons: judgement?.reasons ?? [],
    facts: judgement?.facts ?? null,
    zero_ms: (lab && injectionsOf(store, lab.id)[0]?.active_ms) ?? log[0]?.mono_ms ?? 0,
    chain: broken ? { intact: false, ...broken } : { intact: true },
    events: place.session === null ? log : log.filter(({ session }) => session === place.session),
  }
}

// internal

function known<T>(row: T | undefined, id: string): T {
  if (row === undefined) throw new Error(`the store does not know ${id}`)
  return row
}
