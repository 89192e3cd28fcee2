import type { Clock } from "../../lib/clock.ts"
import { UsageError } from "../../lib/errors.ts"
import { randomHex } from "../../lib/ids.ts"
import { type AckedWrite, recordAcks } from "../../store/ledger.ts"
import type { Store } from "../../store/open.ts"
import { recordSamples, type Sample } from "../../store/samples.ts"
import type { Lab } from "../lab.ts"
import { attempt, type Entry, type Operation, operationOf } from "./operation.ts"
import { countSeconds, type Ending, secondOf, type Seconds } from "./seconds.ts"

/** Bun's fetch has as many sockets, and queues what is beyond unseen. Beyond it a request fails at once. */
export const MAX_IN_FLIGHT = 256
/** The longest that a second's row waits after its last answer. */
const TICK_MS = 50
/** Acknowledged writes reach the ledger at least this often: what kill -9 can lose. */
const KEEP_EVERY_MS = 1_000
/** Reads ask for one of as many writes. */
const RECENT_WRITES = 1_000
/**
 * Drawn by lot, not in turn: where `{any:group}` stands for an even number of nodes, a strict turn would send
 * every read to one half of them and every write to the other.
 */
const READ_SHARE = 0.5

export interface WorkloadOptions {
  /** Ends the load. What is on its way may still be answered, at most `workload.timeout` long. */
  signal: AbortSignal
  clock?: Clock
}

/**
 * Loads a lab as its subject declares, until the signal. Open loop: request n is due at a moment that is fixed
 * beforehand, and its latency and time-out count from there, however slow the subject or late this process is (no
 * coordinated omission). A second's samples are kept once the end of each of its requests is known, with all writes
 * acknowledged until then.
 */
export async function runWorkload(store: Store, lab: Lab, options: WorkloadOptions): Promise<void> {
  const clock = options.clock ?? store.clock
  const load = prepare(store, lab, clock)
  const dueAt = (n: number) => load.start_ms + (n * 1_000) / load.rate_per_s
  let n = 0
  while (!options.signal.aborted && load.failure === undefined) {
    const now_ms = clock.mono_ms()
    for (; dueAt(n) <= now_ms; n++) send(load, n, dueAt(n))
    keep(load, secondOf(now_ms))
    await clock.sleep(Math.min(TICK_MS, dueAt(n) - clock.mono_ms()), options.signal)
  }
  await Promise.all(load.inFlight)
  flush(load, load.seconds.takeComplete(secondOf(clock.mono_ms()) + 1))
  if (load.failure !== undefined) throw load.failure
}

// internal

interface Load {
  store: Store
  lab: Lab
  clock: Clock
  write: Operation
  read: Operation | undefined
  timeout_ms: number
  rate_per_s: number
  /** Makes the keys of this run unique. */
  run: string
  start_ms: number
  seconds: Seconds
  inFlight: Set<Promise<void>>
  /** Acknowledged and not yet in the store. */
  acks: AckedWrite[]
  recent: Entry[]
  written: number
  kept_ms: number
  /** What nobody planned, thrown by a request. */
  failure: unknown
}

function prepare(store: Store, lab: Lab, clock: Clock): Load {
  const write = operationOf(lab.subject, "write")
  const read = operationOf(lab.subject, "read")
  const workload = lab.subject.workload
  if (!workload || !write) throw new UsageError(`${lab.subject.file} declares no workload`)
  const start_ms = clock.mono_ms()
  return {
    store,
    lab,
    clock,
    write,
    read,
    timeout_ms: workload.timeout,
    rate_per_s: workload.rate,
    run: randomHex(8),
    start_ms,
    seconds: countSeconds(read ? ["read", "write"] : ["write"], start_ms),
    inFlight: new Set(),
    acks: [],
    recent: [],
    written: 0,
    kept_ms: start_ms,
    failure: undefined,
  }
}

function send(load: Load, n: number, due_ms: number): void {
  const { operation, entry } = draw(load, n)
  const lag_ms = load.clock.mono_ms() - due_ms
  const ended = load.seconds.due(operation.name, due_ms, lag_ms)
  if (load.inFlight.size >= MAX_IN_FLIGHT) {
    ended({ sent: false, ok: false, latency_ms: lag_ms })
    return
  }
  const request = perform(load, operation, entry, due_ms)
    .then(ended)
    .catch((error: unknown) => {
      load.failure ??= error
    })
    .finally(() => load.inFlight.delete(request))
  load.inFlight.add(request)
}

/** A read of an earlier write, or a new write. */
function draw(load: Load, n: number): { operation: Operation; entry: Entry } {
  const known = load.recent[Math.floor(Math.random() * load.recent.length)]
  if (load.read && known && Math.random() < READ_SHARE) return { operation: load.read, entry: known }
  return { operation: load.write, entry: { key: `${load.run}-${n}`, value: randomHex(16) } }
}

async function perform(load: Load, operation: Operation, entry: Entry, due_ms: number): Promise<Ending> {
  const { lab, clock, timeout_ms } = load
  const answer = await attempt(lab, operation, entry, { clock, timeout_ms, since_ms: due_ms })
  if (answer.holds && operation === load.write && load.read) {
    load.acks.push({ ...entry, acked_ms: clock.mono_ms() })
    load.recent[load.written++ % RECENT_WRITES] = entry
  }
  return { sent: answer.kind === "answer" || answer.sent, ok: answer.holds, latency_ms: answer.duration_ms }
}

/** Keeps what is due to be kept: each second before `second` that is complete, and the ledger often enough. */
function keep(load: Load, second: number): void {
  const samples = load.seconds.takeComplete(second)
  if (samples.length > 0 || load.clock.mono_ms() >= load.kept_ms + KEEP_EVERY_MS) flush(load, samples)
}

/** One transaction, so that no second counts a write that the ledger lacks. */
function flush(load: Load, samples: Sample[]): void {
  load.store.write(() => {
    recordAcks(load.store, load.lab.id, load.acks)
    recordSamples(load.store, load.lab.id, samples)
  })
  load.acks = []
  load.kept_ms = load.clock.mono_ms()
}
