import { bootId, fateOf, type ProcessRecord, thisProcess } from "../lib/process.ts"
import { append } from "./events.ts"
import type { Confirmation, Phase } from "./kinds.ts"
import { getLab } from "./labs.ts"
import type { Store } from "./open.ts"

/** One use of a fault, with everything that undoing it needs. */
export interface Injection {
  id: string
  lab: string
  fault: string
  targets: string[]
  params: Record<string, unknown>
  /** What the fault's `plan` decided; `revert` works from this alone. */
  plan: Record<string, unknown>
  phase: Phase
  confirmation: Confirmation | null
  created_at: string
  active_ms: number | null
  ended_ms: number | null
  reason: string | null
  /** When it is to end by itself. Null: with its lab. */
  expires_at: string | null
  /** When it was seen gone. Null as long as it may be there, and for one that went with its node. */
  reverted_at: string | null
  /** The first moment after its end at which every gate of the lab held. Null: nobody looked, or it did not come. */
  recovered_at: string | null
  /** Who works on it at this moment, until it is confirmed, and while it is reverted: somebody must bring that to an end. */
  worker: ProcessRecord | null
}

/** Something was broken, and is well again by the time at which the agent is called. */
export const HEALED_PAGE = "healed_page"

/**
 * Cells in which nothing is broken while an agent works: nothing is done at all, the agent is called for nothing, or it is
 * called after the fault has gone.
 */
export const NO_FAULT = ["none", "false_page", HEALED_PAGE] as const

export function isNoFault(fault: string): boolean {
  return (NO_FAULT as readonly string[]).includes(fault)
}

export type NewInjection = Pick<Injection, "id" | "lab" | "fault" | "targets" | "params" | "plan"> & {
  expires_at?: string | null
}

/** Moves an injection on. One that was seen gone stays so, however often it is reverted again. */
export function enterPhase(
  store: Store,
  injection: Pick<Injection, "id" | "lab">,
  phase: Phase,
  reason: string | null = null,
): void {
  const ended = phase === "reverted" || phase === "void" || phase === "failed"
  // Owner and guardian may revert at once, so the look and the move are one transaction.
  store.write(
    () => {
      const row = store.db
        .query<{ phase: Phase }, [string]>("select phase from injections where id = ?")
        .get(injection.id)
      if (row && !isOpen(row)) return
      // With its lab a fault is gone as well, whatever an undo that came too late has to say.
      if (getLab(store, injection.lab)?.state === "destroyed") phase = "void"
      append(
        store,
        injection.lab,
        "injection.phase",
        { injection: injection.id, phase, reason },
        {
          project: ({ at, mono_ms }) =>
            store.db
              .query(
                `update injections set phase = :phase, reason = coalesce(:reason, reason), worker = :worker,
                 active_ms = case when :phase = 'active' then :mono_ms else active_ms end,
                 reverted_at = case when :phase = 'reverted' then :at else reverted_at end,
                 ended_ms = case when :ended then :mono_ms else ended_ms end where id = :id`,
              )
              .run({
                phase,
                reason,
                at,
                mono_ms,
                ended,
                id: injection.id,
                worker: isAtWork(phase) ? thisWorker() : null,
              }),
        },
      )
    },
    { durable: true },
  )
}

export function recordConfirmation(
  store: Store,
  injection: Pick<Injection, "id" | "lab">,
  confirmation: Confirmation,
  evidence: string,
  /** When it is to end, now that it is there; left out: as was planned. */
  expires_at?: string,
): void {
  append(
    store,
    injection.lab,
    "injection.confirmed",
    { injection: injection.id, confirmation, evidence, ...(expires_at !== undefined && { expires_at }) },
    {
      project: () =>
        store.db
          .query(
            "update injections set confirmation = ?, expires_at = coalesce(?, expires_at), worker = null where id = ?",
          )
          .run(confirmation, expires_at ?? null, injection.id),
    },
  )
}

export function getInjection(store: Store, id: string): Injection | undefined {
  const row = store.db.query<Row, [string]>("select * from injections where id = ?").get(id)
  return row ? parsed(row) : undefined
}

/** Those of a lab, in the order in which they were planned. */
export function injectionsOf(store: Store, lab: string): Injection[] {
  return store.db.query<Row, [string]>("select * from injections where lab = ? order by rowid").all(lab).map(parsed)
}

export function allInjections(store: Store): Injection[] {
  return store.db.query<Row, []>("select * from injections order by rowid").all().map(parsed)
}

/** Whether something may still be left of it in the world. */
export function isOpen(injection: Pick<Injection, "phase">): boolean {
  return !["reverted", "void"].includes(injection.phase)
}

/** Whoever injected or reverted it has died over it, so that half of it may be there. */
export function isForsaken({ phase, worker }: Pick<Injection, "phase" | "worker">): boolean {
  return isAtWork(phase) && worker !== null && fateOf(worker) === "dead"
}

/** This process, as the worker of an injection. */
export function thisWorker(): string {
  return JSON.stringify({ boot: bootId(), ...thisProcess() } satisfies ProcessRecord)
}

// internal

type Texts = "targets" | "params" | "plan"
type Row = Omit<Injection, Texts | "worker"> & Record<Texts, string> & { worker: string | null }

function isAtWork(phase: Phase): boolean {
  return ["planned", "injecting", "active", "reverting"].includes(phase)
}

function parsed(row: Row): Injection {
  return {
    ...row,
    targets: JSON.parse(row.targets) as string[],
    params: JSON.parse(row.params) as Record<string, unknown>,
    plan: JSON.parse(row.plan) as Record<string, unknown>,
    worker: row.worker === null ? null : (JSON.parse(row.worker) as ProcessRecord),
  }
}
