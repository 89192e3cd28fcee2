import type { Lab, Node } from "../lab/lab.ts"
import { OperatorError } from "../lib/errors.ts"
import type { Store } from "../store/open.ts"
import { type HostLag, hostWasLate, watchHostLag } from "./host-lag.ts"
import { UNKNOWN_TICKET_AFTER_MS } from "./invariant.ts"
import type { Observation } from "./judge.ts"
import { heartbeat, HEARTBEAT_MS, type MonitorLease, releaseAtExit, releaseLease, takeLease } from "./lease.ts"
import { type Change, type Logbook, openLogbook } from "./logbook.ts"
import { type Nap, nap } from "./nap.ts"
import { observeLook } from "./parts.ts"
import { slots } from "../lib/slots.ts"
import { MONITOR_INTERVAL_MS, type Target } from "./target.ts"
import { targetsOf } from "./targets.ts"

/** Probes at once. More would measure this machine instead of the lab. */
const MAX_PROBES = 32

export interface MonitorOptions {
  /** How often an invariant is looked at that says nothing else. */
  interval_ms?: number
  unknown_after_ms?: number
  /** Whether a workload runs, so that its objective is a gate. Left out: whether the subject declares one. */
  slo?: boolean
}

export interface Monitor {
  /** What it looks at: the nodes' own gates first, then the invariants of the subject in its order. */
  readonly watches: readonly Watched[]
  /** As `holdsSince` of holds.ts, without a look at the store. */
  holdsSince(): number | undefined
  /** Whether every gate has held for at least `duration_ms`, up to now. */
  holdsFor(duration_ms: number): boolean
  /** The gates that are violated, unknown or not yet observed. */
  failing(): string[]
  /** Writes down what was seen outside of the monitor's own looks. Throws when it has stopped or cannot go on. */
  hear(target: Target, observation: Observation): void
  /** Tells each change after it was written, until the returned function is called. */
  onChange(listener: (change: Change) => void): () => void
  /** Resolves when the monitor has stopped, also by itself because the lab was destroyed; rejects when it cannot go on. */
  readonly ended: Promise<void>
  /** Ends all probes and timers, and gives the lab back. */
  stop(): Promise<void>
}

export type Watched = Pick<Target, "invariant" | "node" | "role">

/** Watches a lab until it is stopped. Rejects with a UsageError when another monitor does. */
export async function startMonitor(store: Store, lab: Lab, options: MonitorOptions = {}): Promise<Monitor> {
  const interval_ms = options.interval_ms ?? MONITOR_INTERVAL_MS
  const targets = await targetsOf(store, lab, { interval_ms, slo: options.slo !== false })
  const invariants = [...new Set(targets.map(({ invariant }) => invariant))]
  const lease = takeLease(store, lab.id, { invariants, interval_ms })
  const unknown_after_ms = options.unknown_after_ms ?? UNKNOWN_TICKET_AFTER_MS
  const logbook = openLogbook(store, lease, targets, { unknown_after_ms })

  const listeners = new Set<(change: Change) => void>()
  const tell = (change: Change) => {
    for (const listener of listeners) listener(change)
  }
  const holdsSince = () => {
    const since_ms = running.stopping() ? undefined : logbook.holdsSince()
    // Nobody looked while this process did not run, so a stretch does not reach across that.
    return since_ms !== undefined && running.lateSince(since_ms) ? undefined : since_ms
  }
  const running = run({ store, lab, lease, logbook, targets, tell })
  return {
    watches: targets,
    holdsSince,
    holdsFor: (duration_ms) => store.clock.mono_ms() - (holdsSince() ?? Infinity) >= duration_ms,
    failing: logbook.failing,
    hear: running.hear,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    ended: running.ended,
    stop: running.stop,
  }
}

// internal

interface Watch {
  store: Store
  lab: Lab
  lease: MonitorLease
  logbook: Logbook
  targets: readonly Target[]
  tell(change: Change): void
}

/** Starts a loop for each target, one for the heartbeat and the ear for nodes. The first failure ends them all. */
function run(watch: Watch) {
  const { store, lab, lease, targets } = watch
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  const stopping = new AbortController()
  const lag = watchHostLag(store.clock)
  const naps = new Map(targets.map((target) => [target, nap(store.clock)]))
  const inSlot = slots(MAX_PROBES)
  let failed = false
  const unhook = releaseAtExit(store, lease)

  const halt = () => {
    stopping.abort()
    unhook()
    unwatch()
    lag.stop()
    for (const sleeper of naps.values()) sleeper.wake()
  }
  const fail = (error: unknown) => {
    failed = true
    halt()
    reject(error)
  }
  const stop = once(async () => {
    halt()
    await Promise.all(loops)
    if (!failed) releaseLease(store, lease)
    resolve()
  })

  const hear = (target: Target, observation: Observation) => {
    if (stopping.signal.aborted) throw new OperatorError(`the monitor of ${lab.id} has stopped`)
    try {
      const change = watch.logbook.observe(target, observation)
      if (change) watch.tell(change)
    } catch (error) {
      fail(error)
      throw error
    }
  }
  const unwatch = lab.watchNodes((node) => {
    try {
      hearNode(watch, node)
    } catch (error) {
      return fail(error)
    }
    for (const [target, sleeper] of naps) if (target.node === node.name) sleeper.wake()
  })
  const loops = [...naps].map(([target, sleeper]) =>
    follow(watch, { target, sleeper, lag, inSlot, signal: stopping.signal }).catch(fail),
  )
  loops.push(beat(watch, stopping.signal, () => void stop().catch(fail)).catch(fail))
  return {
    ended,
    stop,
    hear,
    stopping: () => stopping.signal.aborted,
    lateSince: (moment_ms: number) => lag.since(moment_ms) !== undefined,
  }
}

interface Following {
  target: Target
  sleeper: Nap
  lag: HostLag
  inSlot: ReturnType<typeof slots>
  signal: AbortSignal
}

/** Looks at one target again and again, and never twice at once. What was seen while the host was late is unknown. */
async function follow(watch: Watch, { target, sleeper, lag, inSlot, signal }: Following): Promise<void> {
  const { clock } = watch.store
  let seen_ms = clock.mono_ms()
  while (!signal.aborted) {
    const start_ms = clock.mono_ms()
    const seen = await inSlot(() => target.look(signal))
    if (signal.aborted) return
    const late_ms = lag.since(seen_ms)
    seen_ms = clock.mono_ms()
    const honest = late_ms === undefined ? seen : hostWasLate(late_ms)
    if (honest) for (const change of observeLook(watch.store, watch.logbook, target, honest)) watch.tell(change)
    await sleeper.sleep(start_ms + (target.look_every_ms ?? target.every_ms) - clock.mono_ms())
  }
}

/** A node has changed: what follows from that alone is observed in the same transaction. */
function hearNode({ store, logbook, targets, tell }: Watch, node: Node): void {
  const about = targets.filter((target) => target.node === node.name)
  const changes = store.write(() => {
    logbook.noteNode(node)
    return about.map((target) => {
      const heard = target.hear?.(node)
      return heard && logbook.observe(target, heard)
    })
  })
  for (const change of changes) if (change) tell(change)
}

async function beat({ store, lease }: Watch, signal: AbortSignal, labIsGone: () => void): Promise<void> {
  while (!signal.aborted) {
    if (!heartbeat(store, lease)) return labIsGone()
    await store.clock.sleep(HEARTBEAT_MS, signal)
  }
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => (result ??= work())
}
