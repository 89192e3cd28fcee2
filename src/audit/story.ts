import { latestJudgement } from "../store/judgements.ts"
import { type Event, events, firstBreak } from "../store/events.ts"
import { injectionsOf } from "../store/injections.ts"
import { getLab, type LabRow } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { getTrial, type Trial } from "../store/trials.ts"
import type { LogPlace } from "./find.ts"

/** All that the store knows of one lab, or of one session in it, in order. */
export interface Story {
  lab: LabRow
  trial: Trial | undefined
  verdict: string | undefined
  reasons: string[]
  facts: unknown
  /** The moment from which the timeline counts: when the fault became active, else when the lab was made. */
  zero_ms: number
  chain: { intact: boolean; reason?: string }
  events: Event[]
}

export function tellStory(store: Store, place: LogPlace): Story {
  const lab = getLab(store, place.lab)
  if (!lab) throw new Error(`the store does not know the lab ${place.lab}`)
  const all = events(store, lab.id)
  const trial = lab.trial === null ? undefined : getTrial(store, lab.trial)
  const judgement = trial && latestJudgement(store, trial.id)
  const broken = firstBreak(store, lab.id)
  return {
    lab,
    trial,
    verdict: judgement?.verdict,
    reasons: judgement?.reasons ?? [],
    facts: judgement?.facts ?? null,
    zero_ms: injectionsOf(store, lab.id)[0]?.active_ms ?? all[0]?.mono_ms ?? 0,
    chain: broken ? { intact: false, reason: `event ${broken.seq}: ${broken.reason}` } : { intact: true },
    events: place.session === undefined ? all : all.filter(({ session }) => session === place.session),
  }
}
