import { append, events } from "./events.ts"
import type { ModelTotals, Outcome } from "./kinds.ts"
import type { Store } from "./open.ts"

export interface Session {
  id: string
  lab: string
  variant: string
  model: string
  fence: number
  attempt: number
  steps: number
  /** Null: not known. */
  cost_usd: number | null
  outcome: Outcome | null
  verified: number | null
  started_at: string
  ended_at: string | null
}

/** What a session holds while it works: lost once another session has a higher fence. */
export interface Lease {
  lab: string
  session: string
  fence: number
}

export interface Claim {
  lab: string
  session: string
  variant: string
  model: string
  lease_ms: number
  /** Sessions that may work on a lab, one after another. */
  max_attempts: number
}

/** Claims a lab, atomically. Undefined when another session holds it, or the attempts are used up. */
export function claimLab(store: Store, claim: Claim): (Lease & { attempt: number }) | undefined {
  return store.write(() => {
    const now_ms = store.clock.mono_ms()
    const row = store.db
      .query<
        { fence: number; attempts: number },
        { lab: string; until: number; now: number; session: string; max: number }
      >(
        `update labs set session = :session, fence = fence + 1, attempts = attempts + 1, lease_until_ms = :until
         where id = :lab and state <> 'destroyed' and attempts < :max and (session is null or lease_until_ms < :now)
         returning fence, attempts`,
      )
      .get({
        lab: claim.lab,
        session: claim.session,
        now: now_ms,
        until: now_ms + claim.lease_ms,
        max: claim.max_attempts,
      })
    if (!row) return undefined
    const { lab, session, variant, model } = claim
    endAbandoned(store, lab, "its process died, or was not heard of for too long")
    const body = { session, fence: row.fence, attempt: row.attempts, variant, model }
    append(store, lab, "session.claimed", body, {
      session,
      project: ({ at }) =>
        store.db
          .query(
            "insert into sessions (id, lab, variant, model, fence, attempt, started_at) values (?, ?, ?, ?, ?, ?, ?)",
          )
          .run(session, lab, variant, model, row.fence, row.attempts, at),
    })
    return { lab, session, fence: row.fence, attempt: row.attempts }
  })
}

/** Renews the lease. False when it was lost: the session must stop, and may change nothing more. */
export function renewLease(store: Store, lease: Lease, lease_ms: number): boolean {
  const { changes } = store.write(() =>
    store.db
      .query(
        "update labs set lease_until_ms = ? where id = ? and session = ? and fence = ? and state in ('starting', 'up')",
      )
      .run(store.clock.mono_ms() + lease_ms, lease.lab, lease.session, lease.fence),
  )
  return changes === 1
}

export interface SessionEnd {
  outcome: Outcome
  steps: number
  /** Null: not known. */
  cost_usd: number | null
  /** The model's last words, for people; nothing is judged by them. */
  report: string | null
  diagnosis?: Record<string, string>
  totals?: ModelTotals
}

/** Ends a session and gives the lab back, unless it is to be kept until the monitor has spoken: see `giveBack`. */
export function endSession(store: Store, lease: Lease, end: SessionEnd, options: { keep_lab?: boolean } = {}): void {
  append(
    store,
    lease.lab,
    "session.ended",
    { session: lease.session, ...end },
    {
      session: lease.session,
      project: ({ at }) => {
        store.db
          .query("update sessions set outcome = ?, steps = ?, cost_usd = ?, ended_at = ? where id = ?")
          .run(JSON.stringify(end.outcome), end.steps, end.cost_usd, at, lease.session)
        if (saysNothing(end.outcome)) store.db.query(UNCOUNT).run(lease.lab, lease.fence)
        if (!options.keep_lab) giveBack(store, lease)
      },
    },
  )
}

/** Ends the sessions of a lab that nobody ended. What they cost is not known: a turn may have been under way. */
export function endAbandoned(store: Store, lab: string, reason: string): void {
  store.write(() => {
    for (const { id, fence } of sessionsOf(store, lab).filter(({ ended_at }) => ended_at === null)) {
      const turns = events(store, lab, { kinds: ["message"] }).filter(({ session }) => session === id).length
      const outcome: Outcome = { kind: "halted", reason }
      endSession(store, { lab, session: id, fence }, { outcome, steps: turns, cost_usd: null, report: null })
    }
  })
}

/** Lets the next session have the lab. Nothing happens when another one has it already. */
export function giveBack(store: Store, lease: Lease): void {
  store.write(() =>
    store.db.query("update labs set session = null where id = ? and fence = ?").run(lease.lab, lease.fence),
  )
}

/**
 * What the monitor's word was after the agent's claim. A lab that was repaired has its attempts back: they count what failed one after
 * another, not what a long-lived lab has ever needed.
 */
export function recordVerified(store: Store, lease: Lease, verified: boolean, waited_ms: number): void {
  const { lab, session, fence } = lease
  append(
    store,
    lab,
    "session.verified",
    { session, verified, waited_ms },
    {
      session,
      project: () => {
        store.db.query("update sessions set verified = ? where id = ?").run(verified ? 1 : 0, session)
        if (verified) store.db.query("update labs set attempts = 0 where id = ? and fence = ?").run(lab, fence)
      },
    },
  )
}

export function sessionsOf(store: Store, lab: string): Session[] {
  return store.db
    .query<Omit<Session, "outcome"> & { outcome: string | null }, [string]>(
      "select * from sessions where lab = ? order by fence",
    )
    .all(lab)
    .map((row) => ({ ...row, outcome: row.outcome === null ? null : (JSON.parse(row.outcome) as Outcome) }))
}

// internal

/** Whether a session ended for a reason that is none of its agent's: such a one is no attempt at the lab. */
function saysNothing(outcome: Outcome): boolean {
  if (outcome.kind === "model_error") return outcome.unreachable === true
  return outcome.kind === "interrupted" || outcome.kind === "halted"
}

const UNCOUNT = "update labs set attempts = attempts - 1 where id = ? and fence = ? and attempts > 0"
