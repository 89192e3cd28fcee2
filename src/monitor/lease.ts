import { EnvironmentError, UsageError } from "../lib/errors.ts"
import { randomHex } from "../lib/ids.ts"
import { bootId, fateOf, type ProcessRecord, thisProcess } from "../lib/process.ts"
import { append } from "../store/events.ts"
import type { EventBodies } from "../store/kinds.ts"
import { getLab, isEnding } from "../store/labs.ts"
import type { Store } from "../store/open.ts"

/** A monitor that has not been heard of for this long is dead: three missed heartbeats. */
export const HEARTBEAT_FRESH_MS = 3_000
export const HEARTBEAT_MS = 1_000

/** The right to be the one monitor of a lab. */
export interface MonitorLease {
  lab: string
  /** A `Holder` as JSON. */
  monitor: string
}

/**
 * Takes the lab for a new monitor, and from one that died, or was not heard of for too long. What an earlier one said of its gates is
 * forgotten.
 */
export function takeLease(store: Store, lab: string, started: EventBodies["monitor.started"]): MonitorLease {
  const holder: Holder = { ...thisProcess(), boot: bootId(), nonce: randomHex(8) }
  const lease = { lab, monitor: JSON.stringify(holder) }
  store.write(() => {
    const row = getLab(store, lab)
    if (!row || isEnding(row)) throw new UsageError(`there is no lab ${lab}`, { hint: "operator labs" })
    const other = row.monitor === null ? undefined : holderOf(row.monitor)
    if (other && fateOf(other) !== "dead" && isFresh(row.monitor_seen_ms, store.clock.mono_ms())) {
      throw new UsageError(`${lab} has a monitor already (process ${other.pid})`, {
        hint: "one lab has one monitor: stop that one first, or read what it says with operator tickets list",
      })
    }
    append(store, lab, "monitor.started", started, {
      project: ({ mono_ms }) =>
        store.db
          .query("update labs set monitor = ?, monitor_seen_ms = ?, holds_since_ms = null where id = ?")
          .run(lease.monitor, mono_ms, lab),
    })
  })
  return lease
}

/** Says that the monitor lives. False when the lab is being taken down, so that there is nothing left to watch; throws when another took over. */
export function heartbeat(store: Store, lease: MonitorLease): boolean {
  return store.write(() => {
    requireLease(store, lease)
    if (isEnding(getLab(store, lease.lab))) return false
    store.db.query("update labs set monitor_seen_ms = ? where id = ?").run(store.clock.mono_ms(), lease.lab)
    return true
  })
}

/** Within a transaction: a monitor that was frozen and then replaced must not write another word. */
export function requireLease(store: Store, lease: MonitorLease): void {
  if (getLab(store, lease.lab)?.monitor === lease.monitor) return
  throw new EnvironmentError(`another monitor has taken ${lease.lab} over`, {
    hint: "this one was not heard of for too long; see whether the machine is overloaded or was suspended",
  })
}

/** Ends the monitor's word on the lab. Nothing happens when another has taken over. */
export function releaseLease(store: Store, lease: MonitorLease): void {
  store.write(() => {
    if (getLab(store, lease.lab)?.monitor !== lease.monitor) return
    append(
      store,
      lease.lab,
      "monitor.stopped",
      {},
      {
        project: () =>
          store.db.query("update labs set monitor = null, holds_since_ms = null where id = ?").run(lease.lab),
      },
    )
  })
}

/** Should this process end before its monitor does, since nobody reads any more what it prints for one. Until the returned function is called. */
export function releaseAtExit(store: Store, lease: MonitorLease): () => void {
  const release = () => {
    try {
      releaseLease(store, lease)
    } catch {
      // The next monitor sees that this process is gone.
    }
  }
  process.once("exit", release)
  return () => void process.off("exit", release)
}

/** Whether a heartbeat at `seen_ms` still counts. One from the future is of another boot. */
export function isFresh(seen_ms: number, now_ms: number): boolean {
  return Math.abs(now_ms - seen_ms) <= HEARTBEAT_FRESH_MS
}

// internal

/** Which process the monitor is, and which of its monitors. */
interface Holder extends ProcessRecord {
  nonce: string
}

/** Undefined for what an earlier operator wrote: nobody of that one still watches. */
function holderOf(monitor: string): Holder | undefined {
  return monitor.startsWith("{") ? (JSON.parse(monitor) as Holder) : undefined
}
