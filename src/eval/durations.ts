import { events } from "../store/events.ts"
import type { Store } from "../store/open.ts"
import { ENDED, type Trial } from "../store/trials.ts"

/** How long a trial took, but for the time in which it was parked at *ready*. */
export interface Took {
  preparing_ms: number
  /** From its release to its end: so long it kept others out. */
  running_ms: number
}

/** What decides how long a trial takes. */
export type Kind = Pick<Trial, "subject" | "fault" | "variant" | "limits">

/** How long the newest trials of a kind took, those that came to an end by themselves. */
export function earlierTrials(store: Store, { subject, fault, variant, limits }: Kind): Took[] {
  const rows = store.db
    .query<{ lab: string }, [string, string, string, string, number]>(NEWEST)
    .all(subject, fault, variant, JSON.stringify(limits), MAX_TRIALS)
  return rows.flatMap(({ lab }) => took(store, lab) ?? [])
}

// internal

/** Of each kind: enough for a median, and old ones say little about today's machine. */
const MAX_TRIALS = 20

const NEWEST = `select lab from trials where subject = ? and fault = ? and variant = ? and limits = ?
  and stage in ('done', 'invalid') and lab is not null order by created_at desc limit ?`

function took(store: Store, lab: string): Took | undefined {
  const stages = events(store, lab, { kinds: ["trial.stage"] })
  const [preparing, ready, injecting] = (["preparing", "ready", "injecting"] as const).map(
    (stage) => stages.find(({ body }) => body.stage === stage)?.mono_ms,
  )
  const ended = stages.find(({ body }) => ENDED.includes(body.stage))?.mono_ms
  if (preparing === undefined || ready === undefined || injecting === undefined || ended === undefined) return undefined
  return { preparing_ms: ready - preparing, running_ms: ended - injecting }
}
