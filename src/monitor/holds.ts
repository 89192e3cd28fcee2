import { waitUntil } from "../lib/clock.ts"
import { getLab } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { sessionsOf } from "../store/sessions.ts"
import { listTickets, openTickets } from "../store/tickets.ts"
import { isFresh } from "./lease.ts"

/** Nodes that were just started need a while: a claim is false when it has not come true this long after `verify`. */
export const VERIFY_PATIENCE_MS = 10_000

/**
 * The one definition of good: since when every gate of the lab has been observed ok without interruption, on the
 * monotonic clock. Undefined while one is violated, unknown or not yet observed, and when no monitor is heard of.
 */
export function holdsSince(store: Store, lab: string, now_ms = store.clock.mono_ms()): number | undefined {
  const row = getLab(store, lab)
  if (!row || !isWatched(store, lab, now_ms)) return undefined
  return row.holds_since_ms ?? undefined
}

/** Whether a monitor of the lab is heard of. */
export function isWatched(store: Store, lab: string, now_ms = store.clock.mono_ms()): boolean {
  const row = getLab(store, lab)
  return row != null && row.monitor !== null && isFresh(row.monitor_seen_ms, now_ms)
}

/** What a monitor says to a claim; `silent` when there is none to say anything. */
export type Word = "agrees" | "disagrees" | "silent"

/**
 * The word of a lab's monitor, whatever process it runs in, on the claim that the lab is repaired: all gates hold for `verify_ms` from then on,
 * and no ticket is open any more, since what an agent was called for is not over while it is there. A notice alone does not refute
 * who has mended a gate: an alert that looks back for minutes has its ticket for as long after the repair.
 */
export async function wordOnClaim(
  store: Store,
  lab: string,
  { verify_ms, signal }: { verify_ms: number; signal: AbortSignal },
): Promise<Word> {
  const { clock } = store
  const claimed_ms = clock.mono_ms()
  // From the claim on: what was seen before it says nothing of what the last command did.
  const holds = () => clock.mono_ms() - Math.max(holdsSince(store, lab) ?? Infinity, claimed_ms) >= verify_ms
  const isOver = () => holds() && openTickets(store, lab).length === 0
  const timeout_ms = verify_ms + VERIFY_PATIENCE_MS
  if (await waitUntil(isOver, { timeout_ms, every_ms: LOOK_EVERY_MS, clock, signal })) return "agrees"
  if (!isWatched(store, lab)) return "silent"
  return holds() && hasMendedGate(store, lab) ? "agrees" : "disagrees"
}

// internal

/** Whether a gate was violated, and held again, since the lab's last session began. */
function hasMendedGate(store: Store, lab: string): boolean {
  const began_at = sessionsOf(store, lab).at(-1)?.started_at
  return listTickets(store, { lab, states: ["resolved"] }).some(
    ({ role, settled_at }) => role === "gate" && began_at !== undefined && (settled_at ?? "") >= began_at,
  )
}

const LOOK_EVERY_MS = 50
