import type { Node } from "../lab/lab.ts"
import { append } from "../store/events.ts"
import type { Status } from "../store/kinds.ts"
import { getLab, isEnding } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { listTickets, openTicket, resolveTicket, UNSETTLED } from "../store/tickets.ts"
import { initialState, type InvariantState, type Step, step } from "./invariant.ts"
import type { Observation } from "./judge.ts"
import { type MonitorLease, requireLease } from "./lease.ts"
import { labelOf, type Target } from "./target.ts"

/** What one observation has changed. */
export interface Change {
  invariant: string
  node: string
  was: Status | null
  observation: Observation
  /** Tickets that were opened, reopened or counted on. */
  opened: string[]
}

/** The monitor's memory, and the only place from which it writes: all that follows from an observation is one transaction. */
export interface Logbook {
  /** The change that followed, or undefined: what stays as it was is not written. */
  observe(target: Target, observation: Observation): Change | undefined
  /** The nodes at which an invariant is followed. */
  nodesOf(invariant: string): string[]
  /** Follows a part of an invariant no longer; its tickets stay as they are. */
  forget(target: Pick<Target, "invariant" | "node">): void
  noteNode(node: Node): void
  /** Since when every gate has been ok without interruption. */
  holdsSince(): number | undefined
  /** The gates that are violated, unknown or not yet observed. */
  failing(): string[]
}

export function openLogbook(
  store: Store,
  lease: MonitorLease,
  targets: readonly Target[],
  options: { unknown_after_ms: number },
): Logbook {
  const beginning = (target: Target) => ({ target, state: initialState(unsettled(store, lease.lab, target)) })
  const states = new Map(
    [...targets, ...leftParts(store, lease.lab, targets)].map((target) => [keyOf(target), beginning(target)]),
  )
  let written_ms: number | undefined

  const gates = () => [...states.values()].filter(({ target }) => target.role === "gate")
  const failing = () => gates().flatMap(({ target, state }) => (state.status === "ok" ? [] : [labelOf(target)]))
  const holdsSince = () =>
    failing().length > 0 ? undefined : gates().reduce((latest, { state }) => Math.max(latest, state.since_ms), 0)

  const writeGates = () => {
    const since_ms = holdsSince()
    if (since_ms === written_ms) return
    written_ms = since_ms
    const body = { since_ms: since_ms ?? null, failing: failing() }
    append(store, lease.lab, "gates", body, {
      project: () => store.db.query("update labs set holds_since_ms = ? where id = ?").run(since_ms ?? null, lease.lab),
    })
  }

  return {
    holdsSince,
    failing,
    observe: (target, observation) => {
      const { state: before } = states.get(keyOf(target)) ?? beginning(target)
      const unknown_after_ms = Math.max(options.unknown_after_ms, target.blind_ms ?? 0)
      const patience = { for_ms: target.for_ms, unknown_after_ms }
      const next = step(before, observation.status, store.clock.mono_ms(), patience)
      states.set(keyOf(target), { target, state: next.state })
      if (!next.transition && next.opens.length === 0 && next.resolves.length === 0) return undefined
      return store.write(() => {
        requireLease(store, lease)
        if (isEnding(getLab(store, lease.lab))) return undefined
        if (next.transition) appendObservation(store, lease.lab, target, observation, before)
        const opened = writeTickets(store, lease.lab, target, observation, next)
        writeGates()
        return { invariant: target.invariant, node: target.node, was: before.status, observation, opened }
      })
    },
    nodesOf: (invariant) =>
      [...states.values()].flatMap(({ target }) => (target.invariant === invariant ? [target.node] : [])),
    forget: (target) => states.delete(keyOf(target)),
    noteNode: (node) =>
      store.write(() => {
        requireLease(store, lease)
        if (isEnding(getLab(store, lease.lab))) return
        const { name, state, process, health, ended } = node
        append(store, lease.lab, "node", {
          ...{ node: name, state, pid: process?.pid ?? null },
          ...(health && state === "running" && { health: health.status }),
          ...(ended !== undefined && { ended }),
        })
      }),
  }
}

// internal

const keyOf = ({ invariant, node }: Pick<Target, "invariant" | "node">) => `${invariant}\n${node}`

/** What an earlier monitor of this lab has found to be violated of a target that falls apart in parts, and left unsettled. */
function leftParts(store: Store, lab: string, targets: readonly Target[]): Target[] {
  const whole = targets.filter(({ has_parts }) => has_parts)
  if (whole.length === 0) return []
  const left = listTickets(store, { lab, states: UNSETTLED })
  return whole.flatMap((target) => {
    const nodes = left.flatMap(({ invariant, node }) => (invariant === target.invariant ? [node] : []))
    return [...new Set(nodes)].filter((node) => node !== target.node).map((node) => ({ ...target, node }))
  })
}

/** The kinds of ticket of a target that an earlier monitor of this lab has left unsettled. */
function unsettled(store: Store, lab: string, { invariant, node }: Target) {
  return listTickets(store, { lab, states: UNSETTLED })
    .filter((ticket) => ticket.invariant === invariant && ticket.node === node)
    .map(({ kind }) => kind)
}

function appendObservation(store: Store, lab: string, target: Target, seen: Observation, before: InvariantState): void {
  const { invariant, node, every_ms } = target
  append(store, lab, "observation", { invariant, node, was: before.status, ...seen, every_ms })
}

function writeTickets(store: Store, lab: string, target: Target, observation: Observation, next: Step): string[] {
  const { invariant, node, role, severity } = target
  for (const kind of next.resolves) resolveTicket(store, { lab, invariant, node, kind })
  return next.opens.map((kind) => openTicket(store, { lab, invariant, node, kind, role, severity, observation }))
}
