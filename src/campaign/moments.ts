import { chainHead, events } from "../store/events.ts"
import type { Store } from "../store/open.ts"
import type { Trial } from "../store/trials.ts"
import type { HiredAgent } from "./agent.ts"
import { holdsFor, type Stand } from "./stand.ts"

/** Whether a gate fails within `symptom_within` of the injection. */
export function symptom(store: Store, trial: Trial, stand: Stand): Promise<boolean> {
  let after = injectedAt(store, stand.lab.id)
  const gateFailed = () => {
    const found = events(store, stand.lab.id, { after, kinds: ["gates"] })
    after = found.at(-1)?.seq ?? after
    return found.some(({ body }) => body.since_ms === null)
  }
  return stand.until(gateFailed, trial.limits.symptom_within_ms)
}

/** Waits until the trial has nothing more to tell: recovered and left alone, given up for good, or at its deadline. */
export async function settled(store: Store, trial: Trial, stand: Stand, agent: HiredAgent): Promise<void> {
  const { stable_ms, deadline_ms, give_up_grace_ms } = trial.limits
  const isOver = () => {
    if (agent.working()) return false
    if (holdsFor(store, stand.monitor, stable_ms)) return true
    const gave_up_ms = agent.gaveUpAt()
    const grace_over = gave_up_ms !== undefined && store.clock.mono_ms() - gave_up_ms >= give_up_grace_ms
    return grace_over && stand.monitor.holdsSince() === undefined
  }
  await stand.until(isOver, deadline_ms)
}

// internal

/** The place in the log from which on a failing gate is a symptom. */
function injectedAt(store: Store, lab: string): number {
  const injecting = events(store, lab, { kinds: ["injection.phase"] }).find(({ body }) => body.phase === "injecting")
  return injecting?.seq ?? chainHead(store, lab).seq
}
