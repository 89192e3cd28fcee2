import type { Database } from "bun:sqlite"
import type { Clock } from "../../lib/clock.ts"
import { openDatabase } from "./database.ts"
import { retryWhileBusy, writersGate } from "./gate.ts"
import {
  type Block,
  type Counter,
  type Decision,
  type Limit,
  type LimitStore,
  MAX_LIMITS,
  MAX_SHOWN,
  type NodeEntry,
  type NodeSeen,
  type OnCall,
  timed,
} from "../store.ts"
import { SlidingWindow } from "./window.ts"

/** How long SQLite may wait for a lock by itself, which stops the event loop: a neighbour's check. The gate does the rest. */
const BUSY_TIMEOUT_MS = 5
/** Keys pruned in one transaction, for which the other nodes wait: a few milliseconds. */
const PRUNE_KEYS = 500

/** Opens the nodes' shared SQLite file, and creates it with the default limits if there is none. */
export async function openSqliteStore(
  file: string,
  { clock, onCall }: { clock: Clock; onCall: OnCall },
): Promise<LimitStore> {
  const db = await openDatabase(file, { create: true, busy_timeout_ms: BUSY_TIMEOUT_MS, clock })
  return new SqliteStore(db, clock, onCall)
}

// internal

type Values = Record<string, string | number>

class SqliteStore implements LimitStore {
  readonly #db: Database
  readonly #clock: Clock
  readonly #timed: <T>(work: Promise<T>) => Promise<T>
  readonly #window: SlidingWindow
  readonly #gate: ReturnType<typeof writersGate>
  readonly #transaction: { immediate(work: () => unknown): unknown }

  constructor(db: Database, clock: Clock, onCall: OnCall) {
    this.#db = db
    this.#clock = clock
    this.#timed = (work) => timed(work, { clock, onCall })
    this.#window = new SlidingWindow(db)
    this.#gate = writersGate(clock)
    this.#transaction = db.transaction((work: () => unknown) => work())
  }

  check(key: string, cost: number): Promise<Decision> {
    return this.#write((now_ms) => {
      const [block] = this.#rows<{ reason: string }>(
        "select reason from blocks where key = :key and until_ms > :now_ms",
        { key, now_ms },
      )
      return block ? { kind: "blocked", reason: block.reason } : this.#window.take(key, cost, now_ms)
    })
  }

  reset(key: string): Promise<number> {
    return this.#write(() => {
      this.#change("delete from counters where key = :key", { key })
      return this.#change("delete from log where key = :key", { key })
    })
  }

  counter(key: string): Promise<Counter> {
    return this.#read(() => {
      const [row] = this.#rows<{ used: number }>("select used from counters where key = :key", { key })
      return { key, used: row?.used ?? 0, limit: this.#window.limitOf(key) }
    })
  }

  counters(page: { prefix: string; after: string; size: number }): Promise<Counter[]> {
    return this.#read(() => {
      const rows = this.#rows<{ key: string; used: number }>(
        `select key, used from counters
         where key > :after and key >= :prefix and substr(key, 1, length(:prefix)) = :prefix order by key limit :size`,
        page,
      )
      return rows.map((row) => ({ ...row, limit: this.#window.limitOf(row.key) }))
    })
  }

  limits(): Promise<Limit[]> {
    return this.#read(() => this.#rows<Limit>("select prefix, max, window_ms from limits order by prefix"))
  }

  async setLimit(limit: Limit): Promise<boolean> {
    const set = await this.#write(() =>
      this.#change(
        `insert into limits (prefix, max, window_ms) select :prefix, :max, :window_ms
         where (select count(*) from limits where prefix <> :prefix) < ${MAX_LIMITS}
         on conflict (prefix) do update set max = excluded.max, window_ms = excluded.window_ms`,
        { ...limit },
      ),
    )
    return set > 0
  }

  async removeLimit(prefix: string): Promise<boolean> {
    return (await this.#write(() => this.#change("delete from limits where prefix = :prefix", { prefix }))) > 0
  }

  blocks(): Promise<Block[]> {
    return this.#read((now_ms) =>
      this.#rows<Block>(
        `select key, until_ms, reason from blocks where until_ms > :now_ms order by until_ms limit ${MAX_SHOWN}`,
        { now_ms },
      ),
    )
  }

  block(key: string, duration_ms: number, reason: string): Promise<Block> {
    return this.#write((now_ms) => {
      const block = { key, until_ms: now_ms + duration_ms, reason }
      this.#change("insert or replace into blocks (key, until_ms, reason) values (:key, :until_ms, :reason)", block)
      return block
    })
  }

  async unblock(key: string): Promise<boolean> {
    return (await this.#write(() => this.#change("delete from blocks where key = :key", { key }))) > 0
  }

  async heartbeat(node: NodeEntry): Promise<void> {
    await this.#write((now_ms) =>
      this.#change(
        `insert or replace into nodes (name, url, pid, started_at_ms, heartbeat_ms)
         values (:name, :url, :pid, :started_at_ms, :now_ms)`,
        { ...node, now_ms },
      ),
    )
  }

  async leave({ name, pid, started_at_ms }: NodeEntry): Promise<void> {
    const leave =
      "update nodes set heartbeat_ms = 0 where name = :name and pid = :pid and started_at_ms = :started_at_ms"
    await this.#write(() => this.#change(leave, { name, pid, started_at_ms }))
  }

  nodes(): Promise<NodeSeen[]> {
    return this.#read((now_ms) =>
      this.#rows<NodeSeen>(
        `select name, url, iif(heartbeat_ms = 0, null, max(0, :now_ms - heartbeat_ms)) as heartbeat_age_ms
         from nodes order by name limit ${MAX_SHOWN}`,
        { now_ms },
      ),
    )
  }

  prune(after: string): Promise<string | undefined> {
    return this.#write((now_ms) => {
      this.#change("delete from blocks where until_ms <= :now_ms", { now_ms })
      return this.#window.prune(after, PRUNE_KEYS, now_ms)
    })
  }

  probe(): Promise<void> {
    return this.#timed(
      this.#gate(() => {
        this.#db.run("begin immediate")
        this.#db.run("rollback")
      }),
    )
  }

  close(): void {
    this.#db.close()
  }

  #read<T>(work: (now_ms: number) => T): Promise<T> {
    return this.#timed(retryWhileBusy(() => work(this.#now_ms()), { clock: this.#clock }))
  }

  /** One immediate transaction; `work` learns the time once it holds the lock. */
  #write<T>(work: (now_ms: number) => T): Promise<T> {
    return this.#timed(this.#gate(() => this.#transaction.immediate(() => work(this.#now_ms())) as T))
  }

  #rows<Row>(statement: string, values: Values = {}): Row[] {
    return this.#db.query<Row, [Values]>(statement).all(values)
  }

  /** The number of rows that the statement changed. */
  #change(statement: string, values: Values): number {
    return this.#db.query<never, [Values]>(statement).run(values).changes
  }

  #now_ms(): number {
    return this.#clock.now().getTime()
  }
}
