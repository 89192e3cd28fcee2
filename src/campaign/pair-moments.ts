import { DEFAULT_LIMITS } from "../agent/limits.ts"
import type { Sandbox } from "../agent/sandbox/open.ts"
import type { Confirmed } from "../chaos/fault.ts"
import type { InjectOptions } from "../chaos/inject.ts"
import { showDuration } from "../lib/duration.ts"
import { OperatorError } from "../lib/errors.ts"
import { labelOf } from "../monitor/target.ts"
import { events } from "../store/events.ts"
import type { Store } from "../store/open.ts"
import { getTicket, listTickets, UNSETTLED } from "../store/tickets.ts"
import type { Stand } from "./stand.ts"

/** A lab under load and watch, and the place of whoever repairs it. */
export interface Bench {
  stand: Stand
  sandbox: Sandbox
}

/** What was seen of a fault and what its subject declares of it, as far as that went. */
export interface PairSeen {
  confirmed: Confirmed | null
  noticed: { by: string; after_ms: number } | null
  /** From the repair's first command until every gate held, and went on to. */
  repaired_ms: number | null
  /** The fault had gone before anything was done about it. */
  healed_itself: boolean
  reverted_ms: number | null
}

/** One fault of a subject, being tried. */
export interface Pair {
  store: Store
  bench: Bench
  fault: string
  options: InjectOptions
  seen: PairSeen
  /** For a ticket to open, and for the lab to be well again. */
  within_ms: number
  tell(text: string): void
}

/** Waits until every gate has held for `ready.stable` and none of the tickets is there that the fault is to open. */
export async function calm({ store, bench: { stand }, fault, within_ms }: Pair): Promise<void> {
  const { lab, monitor } = stand
  const { noticed_by } = lab.subject.faults[fault]!
  stand.startDeadline(CALM_WITHIN_MS + 2 * within_ms + DEFAULT_LIMITS.command_timeout_ms)
  const left = () =>
    listTickets(store, { lab: lab.id, states: UNSETTLED }).filter(({ invariant }) => noticed_by.includes(invariant))
  const isCalm = () => monitor.holdsFor(lab.subject.ready.stable) && left().length === 0
  if (await stand.until(isCalm, CALM_WITHIN_MS)) return
  const what = [...new Set([...monitor.failing(), ...left().map(labelOf)])]
  throw new OperatorError(`not well within ${showDuration(CALM_WITHIN_MS)}, before it was broken: ${what.join(", ")}`)
}

/** The first ticket of an invariant that the fault is to be noticed by, opened anew. */
export async function notice(
  { store, bench: { stand }, fault, within_ms }: Pair,
  from: number,
  active_ms: number,
): Promise<NonNullable<PairSeen["noticed"]>> {
  const { lab } = stand
  const { noticed_by } = lab.subject.faults[fault]!
  const opened = () =>
    events(store, lab.id, { after: from, kinds: ["ticket.opened", "ticket.reopened"] }).flatMap((event) => {
      const ticket = getTicket(store, event.body.ticket)
      return ticket?.kind === "violated" ? [{ ticket, at_ms: event.mono_ms }] : []
    })
  const named = () => opened().find(({ ticket }) => noticed_by.includes(ticket.invariant))
  await stand.until(() => named() !== undefined, within_ms)
  const found = named()
  if (found) return { by: labelOf(found.ticket), after_ms: Math.max(0, Math.round(found.at_ms - active_ms)) }
  const others = [...new Set(opened().map(({ ticket }) => ticket.invariant))]
  const instead = others.length > 0 ? `, but of ${others.join(", ")}` : ""
  throw new OperatorError(
    `not noticed: no ticket of ${noticed_by.join(", ")} opened within ${showDuration(within_ms)}${instead}`,
  )
}

/** How long after a moment every gate began to hold for good; undefined when that takes too long. */
export async function wellAfter(
  { store, bench: { stand }, within_ms }: Pair,
  since_ms: number,
): Promise<number | undefined> {
  const { lab, monitor } = stand
  const { stable } = lab.subject.ready
  const isWell = () => store.clock.mono_ms() - since_ms >= stable && monitor.holdsFor(stable)
  if (!(await stand.until(isWell, within_ms))) return undefined
  return Math.max(0, Math.round((monitor.holdsSince() ?? since_ms) - since_ms))
}

// internal

/** After a repair, an alert over a minute of samples needs that minute to end. */
const CALM_WITHIN_MS = 90_000
