import type { Status, TicketKind } from "../store/kinds.ts"

/** How long the monitor may be blind until that is a ticket of its own. */
export const UNKNOWN_TICKET_AFTER_MS = 10_000

/** What is remembered of one invariant at one node. A value: `step` makes the next one. */
export interface InvariantState {
  /** null: not observed yet. */
  status: Status | null
  /** Since when it has had this status without interruption. */
  since_ms: number
  /** When the violation began: the first violated observation since the last one that was ok. */
  violated_since_ms: number | null
  unknown_since_ms: number | null
  /** The kinds of ticket that were opened and not yet seen to be settled. */
  raised: readonly TicketKind[]
}

export interface Patience {
  /** A violation shorter than this is no ticket. */
  for_ms: number
  /** Blindness shorter than this is no ticket. */
  unknown_after_ms: number
}

export interface Step {
  state: InvariantState
  /** The status changed. */
  transition: boolean
  opens: TicketKind[]
  resolves: TicketKind[]
}

/** Nothing observed yet; `raised` are the tickets that an earlier monitor left unsettled. */
export function initialState(raised: readonly TicketKind[] = []): InvariantState {
  return { status: null, since_ms: 0, violated_since_ms: null, unknown_since_ms: null, raised }
}

/**
 * One observation further. A violation opens its ticket when it has lasted, and only an observation that is ok resolves
 * it. `unknown` does neither: it has a ticket of its own, which the first observation that is not unknown resolves.
 */
export function step(before: InvariantState, status: Status, now_ms: number, patience: Patience): Step {
  const transition = before.status !== status
  const violated_since_ms = violatedSince(before, status, now_ms)
  const unknown_since_ms = status === "unknown" ? (before.unknown_since_ms ?? now_ms) : null

  const due: TicketKind[] = []
  if (status === "violated" && lasted(violated_since_ms, patience.for_ms, now_ms)) due.push("violated")
  if (status === "unknown" && lasted(unknown_since_ms, patience.unknown_after_ms, now_ms)) due.push("unknown")

  const opens = due.filter((kind) => !before.raised.includes(kind))
  const resolves = before.raised.filter((kind) => (kind === "violated" ? status === "ok" : status !== "unknown"))
  const raised = [...before.raised.filter((kind) => !resolves.includes(kind)), ...opens]
  const since_ms = transition ? now_ms : before.since_ms
  return { state: { status, since_ms, violated_since_ms, unknown_since_ms, raised }, transition, opens, resolves }
}

// internal

function violatedSince(before: InvariantState, status: Status, now_ms: number): number | null {
  if (status === "ok") return null
  return status === "violated" ? (before.violated_since_ms ?? now_ms) : before.violated_since_ms
}

function lasted(since_ms: number | null, bound_ms: number, now_ms: number): boolean {
  return since_ms !== null && now_ms - since_ms >= bound_ms
}
