import type { Store } from "../store/open.ts"

export interface Log {
  lab: string
  subject: string
  state: string
  trial: string | null
  fault: string | null
  variant: string | null
  stage: string | null
  verdict: string | null
  /** The newest event's place, which is their number. */
  events: number
  created_at: string
}

/** The newest logs first. Reads the end of each chain alone, however long it is. */
export function listLogs(store: Store, limit: number): Log[] {
  return store.db
    .query<Log, [number]>(
      `select labs.id as lab, labs.subject, labs.state, labs.created_at, trials.id as trial, trials.fault, trials.variant,
         trials.stage, trials.verdict, (select coalesce(max(seq), 0) from events where events.lab = labs.id) as events
       from labs left join trials on trials.id = labs.trial order by labs.created_at desc, labs.rowid desc limit ?`,
    )
    .all(limit)
}
