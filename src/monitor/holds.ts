import { getLab } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { isFresh } from "./lease.ts"

/**
 * The one definition of good: since when every gate of the lab has been observed ok without interruption, on the
 * monotonic clock. Undefined while one is violated, unknown or not yet observed, and when no monitor is heard of.
 */
export function holdsSince(store: Store, lab: string, now_ms = store.clock.mono_ms()): number | undefined {
  const row = getLab(store, lab)
  if (!row || row.monitor === null || !isFresh(row.monitor_seen_ms, now_ms)) return undefined
  return row.holds_since_ms ?? undefined
}
