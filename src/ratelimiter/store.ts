import type { Clock } from "../lib/clock.ts"
import { OperatorError } from "../lib/errors.ts"

/**
 * What the nodes share, and the only thing they share: a sliding-window log of allowed requests, the limits, the blocks
 * and the registry. Each method is atomic across all nodes, reads the time itself, and throws `StoreUnreachable` when
 * the store gives no answer in time; it never keeps a caller waiting for longer.
 */
export interface LimitStore {
  /** Takes `cost` units of the key's window, all or none of them. */
  check(key: string, cost: number): Promise<Decision>
  /** Forgets the key's log and counter. Resolves to the number of units forgotten. */
  reset(key: string): Promise<number>

  counter(key: string): Promise<Counter>
  /** Counters in the order of their keys, beginning behind the key `after`. */
  counters(page: { prefix: string; after: string; size: number }): Promise<Counter[]>

  limits(): Promise<Limit[]>
  /** Adds or changes a limit. False when the store holds MAX_LIMITS others already. */
  setLimit(limit: Limit): Promise<boolean>
  removeLimit(prefix: string): Promise<boolean>

  /** Blocks in force, those that end first in front. */
  blocks(): Promise<Block[]>
  block(key: string, duration_ms: number, reason: string): Promise<Block>
  unblock(key: string): Promise<boolean>

  heartbeat(node: NodeEntry): Promise<void>
  /** Marks the node as gone. Leaves a successor alone that has taken the name over. */
  leave(node: NodeEntry): Promise<void>
  nodes(): Promise<NodeSeen[]>

  /** Drops what has expired of the next keys behind `after`. Resolves to the last of them, or to undefined at the end. */
  prune(after: string): Promise<string | undefined>
  /** Resolves when the store could be written to right now. */
  probe(): Promise<void>
  close(): void
}

/** The most limits that a store holds: each check looks through all of them. */
export const MAX_LIMITS = 200
/** The most blocks or nodes that are listed. */
export const MAX_SHOWN = 1_000

export interface Limit {
  prefix: string
  max: number
  window_ms: number
}

/** How a check ends. Times count from now. */
export type Decision =
  | { kind: "allowed"; limit: Limit; remaining: number; reset_ms: number }
  | { kind: "limited"; limit: Limit; remaining: number; reset_ms: number; retry_after_ms: number }
  | { kind: "blocked"; reason: string }

export interface Counter {
  key: string
  used: number
  limit: Limit
}

export interface Block {
  key: string
  until_ms: number
  reason: string
}

/** A node as it announces itself. */
export interface NodeEntry {
  name: string
  url: string
  pid: number
  started_at_ms: number
}

/** A node as the others see it. No age: it said goodbye. */
export interface NodeSeen {
  name: string
  url: string
  heartbeat_age_ms: number | null
}

/** What a new store begins with. The longest prefix of a key decides, so the empty one is the default. */
export const DEFAULT_LIMITS: readonly Limit[] = [
  { prefix: "", max: 100, window_ms: 10_000 },
  { prefix: "ghost-probe:", max: 5, window_ms: 10_000 },
]

/** The store gave no answer in time, or none that makes sense. */
export class StoreUnreachable extends OperatorError {}

/** Told of each piece of work that the store was asked for, once it has ended. */
export type OnCall = (duration_ms: number, reached: boolean) => void

/** The same work, with its duration told. */
export async function timed<T>(work: Promise<T>, { clock, onCall }: { clock: Clock; onCall: OnCall }): Promise<T> {
  const start_ms = clock.mono_ms()
  let reached = true
  try {
    return await work
  } catch (error) {
    reached = !(error instanceof StoreUnreachable)
    throw error
  } finally {
    onCall(clock.mono_ms() - start_ms, reached)
  }
}
