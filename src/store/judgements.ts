import type { Store } from "./open.ts"

export interface Judgement {
  trial: string
  judge_version: number
  facts: unknown
  verdict: string
  reasons: string[]
  at: string
}

/** Adds a judgement; earlier ones stay. The trial's row shows the newest verdict. */
export function addJudgement(store: Store, judgement: Omit<Judgement, "at">): void {
  store.write(() => {
    store.db
      .query(
        `insert into judgements (trial, judge_version, facts, verdict, reasons, at)
         values (:trial, :judge_version, :facts, :verdict, :reasons, :at)`,
      )
      .run({
        trial: judgement.trial,
        judge_version: judgement.judge_version,
        facts: JSON.stringify(judgement.facts),
        verdict: judgement.verdict,
        reasons: JSON.stringify(judgement.reasons),
        at: store.clock.now().toISOString(),
      })
    store.db.query("update trials set verdict = ? where id = ?").run(judgement.verdict, judgement.trial)
  })
}

export function latestJudgement(store: Store, trial: string): Judgement | undefined {
  const row = store.db.query<Row, [string]>(`${SELECT} order by id desc limit 1`).get(trial)
  return row ? parsed(row) : undefined
}

/** The newest judgement of each trial of a campaign, by trial. */
export function latestJudgements(store: Store, campaign: string): Map<string, Judgement> {
  const rows = store.db.query<Row, [string]>(LATEST).all(campaign)
  return new Map(rows.map((row) => [row.trial, parsed(row)]))
}

/** All judgements of a trial, oldest first. */
export function listJudgements(store: Store, trial: string): Judgement[] {
  return store.db.query<Row, [string]>(`${SELECT} order by id`).all(trial).map(parsed)
}

// internal

type Row = Omit<Judgement, "facts" | "reasons"> & { facts: string; reasons: string }

const SELECT = "select trial, judge_version, facts, verdict, reasons, at from judgements where trial = ?"

const LATEST = `select trial, judge_version, facts, verdict, reasons, at from judgements
  where id in (select (select max(id) from judgements where trial = trials.id) from trials where campaign = ?)`

function parsed(row: Row): Judgement {
  return { ...row, facts: JSON.parse(row.facts) as unknown, reasons: JSON.parse(row.reasons) as string[] }
}
