import { timeOf, waitUntil } from "../lib/clock.ts"
import { UsageError } from "../lib/errors.ts"
import type { Lab } from "../lab/lab.ts"
import { labelOf } from "../monitor/target.ts"
import { startMonitor } from "../monitor/watch.ts"
import type { Injection } from "../store/injections.ts"
import { getLab } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { openTickets } from "../store/tickets.ts"
import { recordRecovery } from "../store/recovery.ts"

const LOOK_EVERY_MS = 50

/** Since when a lab is well, or what of it is not. */
export type Recovery = { recovered_at: string } | { failing: string[] }

/**
 * Waits until every gate of a lab has held for `ready.stable` after the end of some injections, for `ready.timeout` at most, and records
 * since when. By the monitor that watches the lab, else by one of its own.
 */
export async function awaitRecovery(
  store: Store,
  lab: Lab,
  ended: readonly Pick<Injection, "id" | "lab" | "ended_ms">[],
  signal?: AbortSignal,
): Promise<Recovery> {
  const { stable, timeout } = lab.subject.ready
  const end_ms = Math.max(...ended.map(({ ended_ms }) => ended_ms ?? 0))
  const watch = await gatesOf(store, lab)
  let since_ms = Infinity
  const well = () => {
    since_ms = Math.max(watch.holdsSince() ?? Infinity, end_ms)
    return store.clock.mono_ms() - since_ms >= stable
  }
  try {
    const is_well = await waitUntil(well, { timeout_ms: timeout, every_ms: LOOK_EVERY_MS, clock: store.clock, signal })
    if (!is_well) return { failing: watch.failing() }
  } finally {
    await watch.stop()
  }
  const recovered_at = timeOf(since_ms, store.clock)
  for (const one of ended) recordRecovery(store, one, recovered_at)
  return { recovered_at }
}

// internal

interface Watch {
  holdsSince(): number | undefined
  failing(): string[]
  stop(): Promise<void>
}

async function gatesOf(store: Store, lab: Lab): Promise<Watch> {
  try {
    return await startMonitor(store, lab)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    // Another watches it, and writes down what it sees.
    return {
      holdsSince: () => getLab(store, lab.id)?.holds_since_ms ?? undefined,
      failing: () => openTickets(store, lab.id).map(labelOf),
      stop: async () => {},
    }
  }
}
