import { type LabRow, stateWord } from "../store/labs.ts"
import type { Store } from "../store/open.ts"

export interface Log {
  /** Null for an attempt at a trial that never came to a lab. */
  lab: string | null
  subject: string
  state: ReturnType<typeof stateWord> | null
  trial: string | null
  fault: string | null
  variant: string | null
  stage: string | null
  verdict: string | null
  /** The newest event's place, which is their number. */
  events: number
  created_at: string
}

/** The newest logs first, and among them the attempts that never came to have one. Reads the end of each chain alone. */
export function listLogs(store: Store, limit: number): Log[] {
  const rows = store.db.query<Row, [number]>(LIST).all(limit)
  return rows.map(({ adopted, ...row }) => ({ ...row, state: row.state && stateWord({ state: row.state, adopted }) }))
}

// internal

type Row = Omit<Log, "state"> & { state: LabRow["state"] | null; adopted: string | null }

const LIST = `
  select lab, subject, state, adopted, trial, fault, variant, stage, verdict, events, created_at from (
    select labs.id as lab, labs.subject, labs.state, labs.adopted,
      trials.id as trial, trials.fault, trials.variant, trials.stage, trials.verdict,
      (select coalesce(max(seq), 0) from events where events.lab = labs.id) as events,
      labs.created_at, labs.rowid as n
    from labs left join trials on trials.id = labs.trial
    union all
    select null, subject, null, null, id, fault, variant, stage, verdict, 0, created_at, rowid from trials where lab is null
  ) order by created_at desc, n desc limit ?`
