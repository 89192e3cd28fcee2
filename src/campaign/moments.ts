import { gatesOf } from "../lab/subject.ts"
import { revert } from "../chaos/revert.ts"
import { timeOf } from "../lib/clock.ts"
import { OperatorError } from "../lib/errors.ts"
import { chainHead, events } from "../store/events.ts"
import type { Injection } from "../store/injections.ts"
import type { PagedTicket } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { recordRecovery } from "../store/recovery.ts"
import { openTickets } from "../store/tickets.ts"
import type { Trial } from "../store/trials.ts"
import type { HiredAgent } from "./agent.ts"
import type { Stand } from "./stand.ts"

/** Whether a gate is violated within `symptom_within` of the injection. One that cannot be told is no symptom. */
export function symptom(store: Store, trial: Trial, stand: Stand): Promise<boolean> {
  const gates = gatesOf(stand.lab.subject)
  let after = injectedAt(store, stand.lab.id)
  const violated = () => {
    const found = events(store, stand.lab.id, { after, kinds: ["observation"] })
    after = found.at(-1)?.seq ?? after
    return found.some(({ body }) => body.status === "violated" && gates.includes(body.invariant))
  }
  return stand.until(violated, trial.limits.symptom_within_ms)
}

/**
 * Waits until the trial has nothing more to tell: recovered and left alone, given up for good, or at its deadline, which
 * counts from the moment at which the fault was there.
 */
export async function settled(
  store: Store,
  trial: Trial,
  stand: Stand,
  agent: HiredAgent,
  injected_ms: number,
): Promise<void> {
  const { stable_ms, deadline_ms, give_up_grace_ms } = trial.limits
  const isOver = () => {
    if (agent.working()) return false
    if (agent.failed()) return true
    if (stand.monitor.holdsFor(stable_ms)) return true
    const gave_up_ms = agent.gaveUpAt()
    const grace_over = gave_up_ms !== undefined && store.clock.mono_ms() - gave_up_ms >= give_up_grace_ms
    return grace_over && stand.monitor.holdsSince() === undefined
  }
  await stand.until(isOver, injected_ms + deadline_ms - store.clock.mono_ms())
}

/** Waits until an agent that had nothing to repair has ended, and `stable` longer: what it broke shows by then. */
export async function leftAlone(trial: Trial, stand: Stand, agent: HiredAgent): Promise<void> {
  const { deadline_ms, stable_ms } = trial.limits
  await stand.until(() => !agent.working(), deadline_ms)
  await stand.until(() => false, stable_ms)
}

/** Takes a fault back that has opened a ticket, and waits until the lab is well again. The tickets it opened, or why there are none. */
export async function healedAgain(
  store: Store,
  trial: Trial,
  stand: Stand,
  injection: Injection,
): Promise<PagedTicket[] | "no_symptom"> {
  const { lab, monitor } = stand
  const noticed = () => openTickets(store, lab.id).length > 0
  if (!(await stand.until(noticed, trial.limits.symptom_within_ms))) return "no_symptom"
  const tickets = openTickets(store, lab.id)
  const phase = await revert(store, lab, injection)
  if (phase !== "reverted") throw new OperatorError(`the fault that was to be gone is ${phase}`)
  const well = () => monitor.holdsFor(trial.limits.stable_ms) && openTickets(store, lab.id).length === 0
  if (await stand.until(well, trial.limits.deadline_ms)) {
    recordRecovery(store, injection, timeOf(monitor.holdsSince() ?? store.clock.mono_ms(), store.clock))
    return tickets
  }
  throw new OperatorError(`not well again after the fault was taken back: ${monitor.failing().join(", ")}`)
}

// internal

/** The place in the log from which on a failing gate is a symptom. */
function injectedAt(store: Store, lab: string): number {
  const injecting = events(store, lab, { kinds: ["injection.phase"] }).find(({ body }) => body.phase === "injecting")
  return injecting?.seq ?? chainHead(store, lab).seq
}
