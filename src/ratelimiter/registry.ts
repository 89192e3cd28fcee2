import type { Clock } from "../lib/clock.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "./log.ts"
import { type LimitStore, type NodeEntry, type NodeSeen, StoreUnreachable } from "./store.ts"

const HEARTBEAT_EVERY_MS = 500
/** A node is dead once it has missed five heartbeats in a row. One or two are missed by a busy machine. */
const DEAD_AFTER_MS = 3_000

/** Whether a node that was last seen so long ago is still counted on. No age: it said goodbye. */
export function statusOf(node: NodeSeen): "alive" | "dead" {
  return node.heartbeat_age_ms !== null && node.heartbeat_age_ms <= DEAD_AFTER_MS ? "alive" : "dead"
}

/** A node's place in the registry. While the store is unreachable the log says once that it is gone, and once that it is back. */
export class Registration {
  readonly #store: LimitStore
  readonly #node: NodeEntry
  readonly #log: Log
  readonly #onBeat: () => void
  #reachable = true

  /** `onBeat` is told of each time that the registry has heard. */
  constructor(store: LimitStore, node: NodeEntry, { log, onBeat }: { log: Log; onBeat: () => void }) {
    this.#store = store
    this.#node = node
    this.#log = log
    this.#onBeat = onBeat
  }

  /** Says once that the node is alive, if the store can be reached. */
  async beat(): Promise<void> {
    const failure = await failureOf(this.#store.heartbeat(this.#node))
    if (failure && this.#reachable) this.#log("store_unreachable", { error: messageOf(failure) })
    if (!failure && !this.#reachable) this.#log("store_back")
    this.#reachable = failure === undefined
    if (this.#reachable) this.#onBeat()
  }

  /** Goes on saying so until the signal aborts, and says goodbye then. */
  async keep(options: { clock: Clock; signal: AbortSignal }): Promise<void> {
    while (!options.signal.aborted) {
      await options.clock.sleep(HEARTBEAT_EVERY_MS, options.signal)
      if (!options.signal.aborted) await this.beat()
    }
    const failure = await failureOf(this.#store.leave(this.#node))
    if (failure) this.#log("goodbye_failed", { error: messageOf(failure) })
  }
}

// internal

/** What kept the store from doing it. Anything but an unreachable store is thrown. */
async function failureOf(work: Promise<void>): Promise<StoreUnreachable | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof StoreUnreachable) return error
    throw error
  }
}
