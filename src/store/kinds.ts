import type { InjectionBodies } from "./injection-kinds.ts"
import type { RunsOn } from "./runs-on.ts"

/**
 * Every kind of event, and the shape of its body. The log is read long after it was written:
 * a kind may gain optional fields, and none may change its meaning.
 */
export interface EventBodies extends InjectionBodies {
  "lab.created": { subject: string; platform: string; dir: string; trial: string | null; deadline_at: string }
  /** The lab is a Compose project that somebody else runs. */
  "lab.adopted": { project: string; subject: string; dir: string }
  "lab.up": { nodes: string[]; took_ms: number; runs_on?: RunsOn }
  "lab.kept": { owner_pid: number }
  "lab.deadline": { deadline_at: string }
  "lab.ending": { by: string; reason: string }
  /** An adopted lab was let go of, with its project as it was. */
  "lab.released": { project: string }
  "lab.destroyed": { by: string; reason: string; ended_processes: number }

  "trial.stage": { trial: string; stage: Stage; reason: string | null }
  "trial.sealed": { trial: string; samples: string; ledger: string; snapshots: string; host_load: string }
  "trial.ledger": LedgerCheck

  "monitor.started": { invariants: string[]; interval_ms: number }
  "monitor.stopped": Record<string, never>
  /** A transition of one invariant at one node. */
  observation: {
    invariant: string
    node: string
    status: Status
    was: Status | null
    value: unknown
    reason: string | null
    every_ms: number
  }
  /** All gates hold since `since_ms`, or (null) one does not. */
  gates: { since_ms: number | null; failing: string[] }
  node: { node: string; state: string; pid: number | null; health?: string; ended?: string }

  "ticket.opened": { ticket: string; invariant: string; node: string; kind: TicketKind; severity: string }
  "ticket.reopened": { ticket: string; occurrences: number }
  "ticket.repeated": { ticket: string; occurrences: number }
  "ticket.resolved": { ticket: string }
  "ticket.held": { ticket: string; reason: string }
  "ticket.released": { ticket: string }
  "ticket.closed": { ticket: string; reason: string }
  "ticket.escalated": { ticket: string; reason: string }

  "session.claimed": { session: string; fence: number; attempt: number; variant: string; model: string }
  /** A cost of null is not known. `diagnosis` is what the report says in its block, in the agent's own words. */
  "session.ended": {
    session: string
    outcome: Outcome
    steps: number
    cost_usd: number | null
    report: string | null
    diagnosis?: Record<string, string>
    totals?: ModelTotals
  }
  "session.verified": { session: string; verified: boolean; waited_ms: number }
  /** What the model was told before its first turn. `system` is the hash of a text, "" for one that reads nothing. */
  page: { system: string; text: string }
  /** An attempt at a turn that failed. A pause of null: there was no other. */
  "model.failed": {
    step: number
    reason: string
    status: number | null
    pause_ms: number | null
    cost_usd: number | null
  }
  message: {
    step: number
    text: string
    stop_reason: string
    model: string
    request_id: string | null
    usage: unknown
    took_ms: number
    /** What the model asked for, as it asked: not all of it is run. */
    calls?: { call: string; name: string; input: unknown }[]
    /** The summary of what it thought. */
    thinking?: string
    /** Of `took_ms`, what attempts that failed and the pauses after them took. */
    waited_ms?: number
    cost_usd?: number | null
    /** What the API has searched and read for the model, with what came of it. */
    server_calls?: unknown[]
    refusal_category?: string | null
  }
  command: { step: number; call: string; command: string; reasoning: string }
  result: {
    step: number
    call: string
    exit_code: number | null
    signal: string | null
    ended_by: string
    duration_ms: number
    output_bytes: number
    shown: string
  }
  /** What a small model made of an output or of the session, for people; the agent never sees it. Without a text there is a reason. */
  summary: {
    of: "output" | "session"
    step?: number
    call?: string
    text: string | null
    reason: string | null
    model: string
    usage: unknown
    cost_usd: number | null
    took_ms: number
    /** The hash of what the model was told to do. */
    prompt: string
  }

  /** What an agent's Docker client asked of the engine through its scoped socket. */
  "docker.request": {
    method: string
    path: string
    route: string | null
    decision: "allowed" | "denied"
    reason: string | null
    mutating: boolean
    containers: readonly string[]
  }

  snapshot: { moment: string; name: string; hash: string }
  "workload.started": { pid: number; rate_per_s: number }
  "workload.ended": { reason: string }
}

/** What a session's turns took together. */
export interface ModelTotals {
  input_tokens: number
  output_tokens: number
  cache_read_tokens: number
  cache_write_tokens: number
  /** The share of all prompts' tokens that came from the cache; null without a token. */
  cache_hit_rate: number | null
  /** Waiting for the model, all in all. */
  model_ms: number
  /** Of that, attempts that failed and the pauses after them. */
  waited_ms: number
}

/** What an agent is told of a ticket. */
export interface PagedTicket {
  id: string
  severity: string
  invariant: string
  node: string
  kind: TicketKind
  opened_at: string
  observation: unknown
}

export type EventKind = keyof EventBodies

export type Status = "ok" | "violated" | "unknown"
export type TicketKind = "violated" | "unknown"
export type Phase = "planned" | "injecting" | "active" | "reverting" | "reverted" | "void" | "failed"
export type Confirmation = "confirmed" | "inconclusive" | "ineffective"

export type Stage =
  "pending" | "preparing" | "ready" | "injecting" | "watching" | "settling" | "healing" | "done" | "invalid" | "error"

/** How a session ended. Says nothing about the lab. */
export type Outcome =
  | { kind: "claims_done" }
  | { kind: "gave_up"; reason: string }
  | { kind: "refused"; category: string | null; model: string }
  | { kind: "limit"; which: "steps" | "usd" | "time" }
  /** `unreachable`: no answer could be had, which says nothing about the agent. */
  | { kind: "model_error"; reason: string; unreachable?: boolean }
  | { kind: "interrupted" }
  | { kind: "halted"; reason: string }

export interface LedgerCheck {
  /** "not_measured" when the subject acknowledges no writes that could be read back. */
  result: "not_measured" | "intact" | "lost" | "unreadable"
  acked: number
  lost: number
  wrong: number
  unread: number
  examples: string[]
}
