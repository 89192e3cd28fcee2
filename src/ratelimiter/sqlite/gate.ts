import type { Clock } from "../../lib/clock.ts"
import { codeOf, messageOf } from "../../lib/errors.ts"
import { isBusy } from "./database.ts"
import { StoreUnreachable } from "../store.ts"

/** How long one piece of work may wait for the store, in all. Answers 503 well within a client's second. */
const PATIENCE_MS = 400
/** Between two attempts. Uneven, so that nodes that collided once don't do so again in step. */
const PAUSE_MIN_MS = 5
const PAUSE_MAX_MS = 15
/** Writers in the queue. More than a store can serve within PATIENCE_MS would only wait for their own failure. */
const MAX_WAITING = 2_000

/**
 * A gate in front of the one write lock: lets a node's writers through in the order of their arrival, one at a time. While
 * another process holds the lock only the first in line tries, so a held lock costs the event loop next to nothing,
 * however many wait. Whoever is out of patience leaves with `StoreUnreachable`.
 */
export function writersGate(clock: Clock): <T>(work: () => T) => Promise<T> {
  let last: Promise<void> = Promise.resolve()
  let waiting = 0
  return async (work) => {
    if (waiting >= MAX_WAITING) throw new StoreUnreachable(`${waiting} writers wait for the store`)
    const end_ms = clock.mono_ms() + PATIENCE_MS
    const before = last
    const turn = Promise.withResolvers<void>()
    last = turn.promise
    waiting++
    try {
      await before
      return await retryWhileBusy(work, { clock, end_ms })
    } finally {
      waiting--
      turn.resolve()
    }
  }
}

/** Does `work` again for as long as the store is busy, until `end_ms` on the monotonic clock. */
export async function retryWhileBusy<T>(work: () => T, options: { clock: Clock; end_ms?: number }): Promise<T> {
  const { clock } = options
  const end_ms = options.end_ms ?? clock.mono_ms() + PATIENCE_MS
  while (clock.mono_ms() < end_ms) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error)) throw translated(error)
    }
    await clock.sleep(PAUSE_MIN_MS + Math.random() * (PAUSE_MAX_MS - PAUSE_MIN_MS))
  }
  throw new StoreUnreachable(`the store was locked for ${PATIENCE_MS} ms`)
}

// internal

/** A full disk, a damaged file, a table that is gone: to a client it's all the same, there is no store. */
function translated(error: unknown): unknown {
  if (!codeOf(error)?.startsWith("SQLITE_")) return error
  return new StoreUnreachable(`the store failed: ${messageOf(error)}`, { cause: error })
}
