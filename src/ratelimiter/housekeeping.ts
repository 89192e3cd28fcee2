import type { Clock } from "../lib/clock.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "./log.ts"
import { type LimitStore, StoreUnreachable } from "./store.ts"

const PRUNE_EVERY_MS = 5_000
/** Bounds one round. A store with more keys is walked in several; 20 batches of 500 keys keep up with 2,000 new ones a second. */
const MAX_BATCHES = 20

/** Keeps the store small until the signal aborts. Each node does; whoever comes second finds nothing left to do. */
export async function pruneRegularly(
  store: LimitStore,
  options: { clock: Clock; log: Log; signal: AbortSignal },
): Promise<void> {
  const { clock, log, signal } = options
  let after = ""
  while (!signal.aborted) {
    try {
      after = await pruneRound(store, after, signal)
    } catch (error) {
      if (!(error instanceof StoreUnreachable)) throw error
      log("prune_failed", { error: messageOf(error) })
    }
    await clock.sleep(PRUNE_EVERY_MS, signal)
  }
}

// internal

/** Where the next round begins. */
async function pruneRound(store: LimitStore, start: string, signal: AbortSignal): Promise<string> {
  let after = start
  for (let batch = 0; batch < MAX_BATCHES && !signal.aborted; batch++) {
    const last = await store.prune(after)
    if (last === undefined) return ""
    after = last
  }
  return after
}
