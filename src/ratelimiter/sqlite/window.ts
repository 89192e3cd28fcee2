import type { Database, Statement } from "bun:sqlite"
import { randomHex } from "../../lib/ids.ts"
import { type Decision, type Limit, StoreUnreachable } from "../store.ts"

/** Enough to tell two units of the same key and millisecond apart. */
const ID_DIGITS = 16

/**
 * The sliding-window log, and the counters that follow it. A request is allowed while fewer than `max` units lie in the
 * `window_ms` before it, so no window of that length holds more than `max`, wherever it begins. Every change expects to be
 * inside of a write transaction, with the time read after the lock was taken: then the log is in order, whichever node writes.
 */
export class SlidingWindow {
  readonly #limitOf: Statement<Limit, [{ key: string }]>
  readonly #count: Statement<{ units: number }, [{ key: string }]>
  readonly #nth: Statement<{ at_ms: number }, [{ key: string; n: number }]>
  readonly #append: Statement<never, [{ key: string; at_ms: number; id: string }]>
  readonly #expire: Statement<never, [{ key: string; until_ms: number }]>
  readonly #adjust: Statement<never, [{ key: string; by: number }]>
  readonly #dropIdle: Statement<never, [{ key: string }]>
  readonly #nextKey: Statement<{ key: string | null }, [{ after: string }]>

  constructor(db: Database) {
    this.#limitOf = db.prepare(
      `select prefix, max, window_ms from limits
       where substr(:key, 1, length(prefix)) = prefix order by length(prefix) desc limit 1`,
    )
    this.#count = db.prepare("select count(*) as units from log where key = :key")
    this.#nth = db.prepare("select at_ms from log where key = :key order by at_ms limit 1 offset :n")
    this.#append = db.prepare("insert into log (key, at_ms, id) values (:key, :at_ms, :id)")
    this.#expire = db.prepare("delete from log where key = :key and at_ms <= :until_ms")
    this.#adjust = db.prepare(
      `insert into counters (key, used) values (:key, :by)
       on conflict (key) do update set used = used + excluded.used`,
    )
    this.#dropIdle = db.prepare(
      "delete from counters where key = :key and used = 0 and not exists (select 1 from log where key = :key)",
    )
    this.#nextKey = db.prepare(
      `select min(key) as key from (select min(key) as key from log where key > :after
                                    union all select min(key) from counters where key > :after)`,
    )
  }

  /** The limit with the longest prefix of the key. */
  limitOf(key: string): Limit {
    const limit = this.#limitOf.get({ key })
    if (!limit) throw new StoreUnreachable(`the store has lost its default limit, and no other applies to "${key}"`)
    return limit
  }

  /** Takes `cost` units if the window has room for all of them. */
  take(key: string, cost: number, now_ms: number): Decision {
    const limit = this.limitOf(key)
    this.#dropExpired(key, limit, now_ms)
    const room = limit.max - (this.#count.get({ key })?.units ?? 0)
    if (cost > room) {
      return {
        kind: "limited",
        limit,
        remaining: Math.max(0, room),
        reset_ms: this.#leavesIn(key, 0, limit, now_ms),
        retry_after_ms: this.#leavesIn(key, cost - room - 1, limit, now_ms),
      }
    }
    for (let unit = 0; unit < cost; unit++) this.#append.run({ key, at_ms: now_ms, id: randomHex(ID_DIGITS) })
    this.#adjust.run({ key, by: cost })
    return { kind: "allowed", limit, remaining: room - cost, reset_ms: this.#leavesIn(key, 0, limit, now_ms) }
  }

  /** Drops what has expired of the next `keys` keys behind `after`. The last of them, or undefined at the end. */
  prune(after: string, keys: number, now_ms: number): string | undefined {
    let key = after
    for (let n = 0; n < keys; n++) {
      const next = this.#nextKey.get({ after: key })?.key
      if (next === undefined || next === null) return undefined
      key = next
      this.#dropExpired(key, this.limitOf(key), now_ms)
      this.#dropIdle.run({ key })
    }
    return key
  }

  #dropExpired(key: string, limit: Limit, now_ms: number): void {
    const { changes } = this.#expire.run({ key, until_ms: now_ms - limit.window_ms })
    if (changes > 0) this.#adjust.run({ key, by: -changes })
  }

  /** How long until the key's nth oldest unit leaves the window; a whole window when there are not that many. */
  #leavesIn(key: string, n: number, limit: Limit, now_ms: number): number {
    const unit = this.#nth.get({ key, n })
    return unit ? unit.at_ms + limit.window_ms - now_ms : limit.window_ms
  }
}
