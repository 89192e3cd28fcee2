import type { Clock } from "../../lib/clock.ts"
import { OperatorError } from "../../lib/errors.ts"
import { randomHex } from "../../lib/ids.ts"
import {
  type Block,
  type Counter,
  DEFAULT_LIMITS,
  type Decision,
  type Limit,
  type LimitStore,
  MAX_LIMITS,
  MAX_SHOWN,
  type NodeEntry,
  type NodeSeen,
  type OnCall,
  StoreUnreachable,
  timed,
} from "../store.ts"
import { type Connection, connectTo, NotAStore } from "./connection.ts"
import { STORE_SCRIPT } from "./scripts.ts"

/** Enough to tell two checks of the same key and millisecond apart. */
const ID_DIGITS = 16
/** Keys pruned by one script, for which all nodes wait: a few milliseconds. */
const PRUNE_KEYS = 500

/**
 * Opens the nodes' shared database at a Redis server, and creates the store where there is nothing yet: now, and again
 * whenever a server is found empty. A server that gives no answer is no failure: a node outlives its store. One with
 * another program's data is, and nothing is written there.
 */
export async function openRedisStore(
  url: string,
  { clock, onCall, shown }: { clock: Clock; onCall: OnCall; shown: string },
): Promise<LimitStore> {
  const limits = DEFAULT_LIMITS.flatMap(({ prefix, max, window_ms }) => [prefix, max, window_ms])
  const connection = connectTo(url, { clock, greeting: { script: STORE_SCRIPT, args: ["create", ...limits] } })
  try {
    await connection.call(STORE_SCRIPT, "probe")
  } catch (error) {
    if (!(error instanceof StoreUnreachable)) throw error
    if (error instanceof NotAStore) {
      connection.close()
      throw new OperatorError(`cannot open the store ${shown}: ${error.message}`, { cause: error })
    }
  }
  return new RedisStore(connection, clock, onCall)
}

// internal

/** As the script returns them. */
type CounterReply = [key: string, used: number, prefix: string, max: number, window_ms: number]
type DecisionReply =
  | ["blocked", reason: string]
  | ["allowed" | "limited", prefix: string, max: number, window_ms: number, ...times: number[]]

class RedisStore implements LimitStore {
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #onCall: OnCall

  constructor(connection: Connection, clock: Clock, onCall: OnCall) {
    this.#connection = connection
    this.#clock = clock
    this.#onCall = onCall
  }

  async check(key: string, cost: number): Promise<Decision> {
    return decisionFrom(await this.#do<DecisionReply>("check", key, cost, randomHex(ID_DIGITS)))
  }

  reset(key: string): Promise<number> {
    return this.#do("reset", key)
  }

  async counter(key: string): Promise<Counter> {
    return counterFrom(await this.#do<CounterReply>("counter", key))
  }

  async counters({ prefix, after, size }: { prefix: string; after: string; size: number }): Promise<Counter[]> {
    const from = Buffer.compare(Buffer.from(after), Buffer.from(prefix)) < 0 ? `[${prefix}` : `(${after}`
    return (await this.#do<CounterReply[]>("counters", prefix, from, size)).map(counterFrom)
  }

  async limits(): Promise<Limit[]> {
    const limits = pairs(await this.#do<string[]>("limits")).map(([prefix, bounds]) => {
      const [max, window_ms] = bounds.split(" ").map(Number)
      return { prefix, max: max ?? 0, window_ms: window_ms ?? 0 }
    })
    return limits.sort((a, b) => Buffer.compare(Buffer.from(a.prefix), Buffer.from(b.prefix)))
  }

  async setLimit({ prefix, max, window_ms }: Limit): Promise<boolean> {
    return (await this.#do<number>("set_limit", prefix, max, window_ms, MAX_LIMITS)) > 0
  }

  async removeLimit(prefix: string): Promise<boolean> {
    return (await this.#do<number>("remove_limit", prefix)) > 0
  }

  async blocks(): Promise<Block[]> {
    const blocks = await this.#do<[string, number, string][]>("blocks", MAX_SHOWN)
    return blocks.map(([key, until_ms, reason]) => ({ key, until_ms, reason }))
  }

  async block(key: string, duration_ms: number, reason: string): Promise<Block> {
    return { key, until_ms: await this.#do<number>("block", key, duration_ms, reason), reason }
  }

  async unblock(key: string): Promise<boolean> {
    return (await this.#do<number>("unblock", key)) > 0
  }

  async heartbeat(node: NodeEntry): Promise<void> {
    await this.#do("heartbeat", node.name, entryOf(node))
  }

  async leave(node: NodeEntry): Promise<void> {
    await this.#do("leave", node.name, entryOf(node))
  }

  async nodes(): Promise<NodeSeen[]> {
    const [now_ms, ...entries] = await this.#do<[number, ...string[]]>("nodes")
    const nodes = pairs(entries).map(([name, entry]) => {
      const [heartbeat_ms, , , url = ""] = entry.split(" ")
      const age_ms = Math.max(0, now_ms - Number(heartbeat_ms))
      return { name, url, heartbeat_age_ms: heartbeat_ms === "0" ? null : age_ms }
    })
    return nodes.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MAX_SHOWN)
  }

  async prune(after: string): Promise<string | undefined> {
    return (await this.#do<string | null>("prune", after, PRUNE_KEYS)) ?? undefined
  }

  async probe(): Promise<void> {
    await this.#do("probe")
  }

  close(): void {
    this.#connection.close()
  }

  /** What an operation returns is as the script next door says. */
  #do<T>(operation: string, ...args: (string | number)[]): Promise<T> {
    const work = this.#connection.call(STORE_SCRIPT, operation, ...args) as Promise<T>
    return timed(work, { clock: this.#clock, onCall: this.#onCall })
  }
}

/** How a node is kept in the registry. Nodes that share a name differ in it. */
function entryOf({ pid, started_at_ms, url }: NodeEntry): string {
  return `${pid} ${started_at_ms} ${url}`
}

function counterFrom([key, used, prefix, max, window_ms]: CounterReply): Counter {
  return { key, used, limit: { prefix, max, window_ms } }
}

function decisionFrom(reply: DecisionReply): Decision {
  if (reply[0] === "blocked") return { kind: "blocked", reason: reply[1] }
  const [kind, prefix, max, window_ms, remaining = 0, reset_ms = 0, retry_after_ms = 0] = reply
  const decided = { limit: { prefix, max, window_ms }, remaining, reset_ms }
  return kind === "allowed" ? { kind, ...decided } : { kind, ...decided, retry_after_ms }
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, n) => [flat[2 * n] ?? "", flat[2 * n + 1] ?? ""])
}
