import type { Lab } from "../lab/lab.ts"
import { type Injection, injectionsOf, isForsaken, isOpen } from "../store/injections.ts"
import type { Store } from "../store/open.ts"
import { revert } from "./revert.ts"

/** A fault lasts no longer than this when nobody is there to take it away: also without a word about it, nobody forgets one. */
export const MAX_LASTING_MS = 3_600_000

/** How soon somebody else sees that a fault has outlived its time, or whoever was at work on it. */
const LOOK_EVERY_MS = 500
/** Whoever has injected it comes first, and is at work on it then. */
const OVERDUE_MS = 1_000
/** A revert that failed is tried again after this, until it is of no use any more. */
const TRY_AGAIN_MS = 30_000
const GIVE_UP_AFTER_MS = 600_000

/** Until the signal aborts: takes away what is overdue in a lab, and what somebody has left half-way. */
export async function lookAfter(store: Store, lab: string, open: () => Promise<Lab>, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    // An engine that is away, or a full disk: the next look may find it well.
    await revertOverdue(store, lab, open).catch(() => undefined)
    await store.clock.sleep(LOOK_EVERY_MS, over)
  }
}

/** Takes away what is overdue in a lab, and what somebody has left half-way. Returns what that was. */
export async function revertOverdue(store: Store, id: string, open: () => Promise<Lab>): Promise<Injection[]> {
  const due = injectionsOf(store, id).filter((one) => isOverdue(store, one))
  if (due.length === 0) return []
  const lab = await open()
  for (const one of due.reverse()) await revert(store, lab, one)
  return due
}

// internal

function isOverdue({ clock }: Store, injection: Injection): boolean {
  if (!isOpen(injection)) return false
  if (isForsaken(injection)) return true
  const { expires_at, phase, ended_ms } = injection
  if (expires_at === null) return false
  const over_ms = clock.now().getTime() - Date.parse(expires_at)
  if (over_ms < OVERDUE_MS) return false
  if (phase === "active") return true
  return phase === "failed" && over_ms < GIVE_UP_AFTER_MS && clock.mono_ms() - (ended_ms ?? 0) >= TRY_AGAIN_MS
}
