import { append } from "./events.ts"
import type { Stage } from "./kinds.ts"
import type { Store } from "./open.ts"

/** One attempt at a trial. JSON columns are parsed. */
export interface Trial {
  id: string
  campaign: string
  subject: string
  fault: string
  target: string
  params: Record<string, unknown>
  variant: string
  repetition: number
  attempt: number
  seed: number
  on_restart: OnRestart
  limits: TrialLimits
  subject_text: string
  variant_text: string
  /** What Claude was told, and the table by which it was paid. Null: the trial needed none. */
  prompt_text: string | null
  prices_text: string | null
  environment: Record<string, unknown>
  stage: Stage
  reason: string | null
  lab: string | null
  verdict: string | null
  created_at: string
  started_at: string | null
  ended_at: string | null
}

/** How long a trial waits for what. */
export interface TrialLimits {
  deadline_ms: number
  symptom_within_ms: number
  stable_ms: number
  verify_ms: number
  give_up_grace_ms: number
  attempts: number
}

/** What becomes of a fault that a restart of its node takes away: it is applied again, or that was it. */
export const ON_RESTART = ["reapply", "void"] as const
export type OnRestart = (typeof ON_RESTART)[number]

export type NewTrial = Omit<Trial, MadeLater | NeedNotBe> & Partial<Pick<Trial, NeedNotBe>>

export const ENDED: readonly Stage[] = ["done", "invalid", "error"]

/** Records an attempt, numbered after the earlier ones at the same trial. */
export function createTrial(store: Store, trial: Omit<NewTrial, "attempt">): Trial {
  const { params, limits, environment, ...columns } = trial
  return store.write(() => {
    const texts = { prompt_text: trial.prompt_text ?? null, prices_text: trial.prices_text ?? null }
    const on_restart = trial.on_restart ?? "reapply"
    const row = { ...columns, ...texts, on_restart, params: JSON.stringify(params), limits: JSON.stringify(limits) }
    const { subject, fault, target, variant, repetition, campaign } = row
    const key = { campaign, subject, fault, target, variant, repetition, on_restart, params: row.params }
    const attempt = 1 + (store.db.query<{ n: number }, typeof key>(COUNT_ATTEMPTS).get(key)?.n ?? 0)
    const created_at = store.clock.now().toISOString()
    store.db.query(INSERT).run({ ...row, attempt, environment: JSON.stringify(environment), created_at })
    return {
      ...trial,
      ...texts,
      on_restart,
      attempt,
      stage: "pending",
      reason: null,
      lab: null,
      verdict: null,
      created_at,
      started_at: null,
      ended_at: null,
    }
  })
}

/** Moves a trial to its next stage: an event in its lab's log, and the row. A trial that has ended stays as it is. */
export function enterStage(store: Store, trial: string, lab: string, stage: Stage, reason: string | null = null): void {
  store.write(() => {
    const now = getTrial(store, trial)
    if (!now || ENDED.includes(now.stage)) return
    append(
      store,
      lab,
      "trial.stage",
      { trial, stage, reason },
      { project: ({ at }) => setStage(store, trial, stage, reason, at) },
    )
  })
}

/** Ends an attempt that died before it had a lab, and so has no log to write to. */
export function failWithoutLab(store: Store, trial: string, reason: string): void {
  store.write(() => {
    const now = getTrial(store, trial)
    if (!now || ENDED.includes(now.stage)) return
    setStage(store, trial, "error", reason, store.clock.now().toISOString())
  })
}

export function getTrial(store: Store, id: string): Trial | undefined {
  const row = store.db.query<Row, [string]>("select * from trials where id = ?").get(id)
  return row ? parsed(row) : undefined
}

/** Trials of a campaign, of a subject and a fault, or all, in the order in which they were made. */
export function listTrials(store: Store, options: Partial<ListOptions> = {}): Trial[] {
  const { campaign = null, subject = null, fault = null, limit = -1 } = options
  return store.db.query<Row, ListOptions>(LIST).all({ campaign, subject, fault, limit }).map(parsed)
}

// internal

type ListOptions = Record<"campaign" | "subject" | "fault", string | null> & { limit: number }

const LIST = `select * from (select * from trials where (:campaign is null or campaign = :campaign)
    and (:subject is null or subject = :subject) and (:fault is null or fault = :fault)
  order by created_at desc, id desc limit :limit) order by created_at, id`

type MadeLater = "stage" | "reason" | "lab" | "verdict" | "created_at" | "started_at" | "ended_at"
type NeedNotBe = "prompt_text" | "prices_text" | "on_restart"

const COUNT_ATTEMPTS = `select count(*) as n from trials where campaign = :campaign and subject = :subject and fault = :fault
  and target = :target and params = :params and variant = :variant and repetition = :repetition
  and on_restart = :on_restart`

const INSERT = `insert into trials (id, campaign, subject, fault, target, params, variant, repetition, attempt, seed, on_restart, limits,
    subject_text, variant_text, prompt_text, prices_text, environment, stage, created_at)
  values (:id, :campaign, :subject, :fault, :target, :params, :variant, :repetition, :attempt, :seed, :on_restart, :limits,
    :subject_text, :variant_text, :prompt_text, :prices_text, :environment, 'pending', :created_at)`

type Row = Omit<Trial, "params" | "limits" | "environment"> & { params: string; limits: string; environment: string }

function parsed(row: Row): Trial {
  return {
    ...row,
    params: JSON.parse(row.params) as Trial["params"],
    limits: JSON.parse(row.limits) as TrialLimits,
    environment: JSON.parse(row.environment) as Trial["environment"],
  }
}

function setStage(store: Store, trial: string, stage: Stage, reason: string | null, at: string): void {
  const ended_at = ENDED.includes(stage) ? at : null
  store.db
    .query(
      `update trials set stage = :stage, reason = coalesce(:reason, reason),
         started_at = coalesce(started_at, :at), ended_at = :ended_at where id = :trial`,
    )
    .run({ stage, reason, at, ended_at, trial })
}
