import { messageOf } from "../lib/errors.ts"
import type { Lab } from "../lab/lab.ts"
import { dismissHelpers } from "../lab/platforms/docker/helper.ts"
import { endCommandsOf } from "../lab/platforms/residents.ts"
import { append } from "../store/events.ts"
import type { Phase } from "../store/kinds.ts"
import { enterPhase, type Injection, injectionsOf, isForsaken, isOpen } from "../store/injections.ts"
import type { Store } from "../store/open.ts"
import { findFault } from "./catalogue.ts"
import type { Presence } from "./fault.ts"

/** Undoes one injection, and says what was seen afterwards: `reverted`, `void`, or `failed` with the reason in the record. */
export async function revert(store: Store, lab: Lab, injection: Injection): Promise<Phase> {
  enterPhase(store, injection, "reverting")
  try {
    if (isForsaken(injection)) await endWorkOf(store, lab, injection)
    const fault = findFault(injection.fault, lab.subject)
    await fault.revert(lab, injection.plan)
    const presence = await probe(store, lab, injection, "after the revert")
    const phase = AFTER[presence]
    enterPhase(store, injection, phase, phase === "failed" ? (FAILED[presence] ?? null) : null)
    if (lab.platform === "docker") await dismiss(store, lab).catch(() => undefined)
    return phase
  } catch (error) {
    enterPhase(store, injection, "failed", messageOf(error))
    return "failed"
  }
}

/** Undoes everything in a lab that may still be there, newest first. */
export async function revertAll(store: Store, lab: Lab): Promise<Phase[]> {
  const phases: Phase[] = []
  for (const injection of injectionsOf(store, lab.id).filter(isOpen).reverse()) {
    phases.push(await revert(store, lab, injection))
  }
  return phases
}

/** Looks whether a fault is still in the world. */
export function presenceOf(lab: Lab, injection: Injection): Promise<Presence> {
  return findFault(injection.fault, lab.subject).probe(lab, injection.plan)
}

/** Looks whether a fault is still in the world, and writes down what was seen at which moment: that may be nothing. */
export async function probe(
  store: Store,
  lab: Lab,
  injection: Injection,
  moment: string,
): Promise<Presence | "unknown"> {
  const seen = await presenceOf(lab, injection).then(
    (state) => ({ state }),
    (error: unknown) => ({ state: "unknown" as const, reason: messageOf(error) }),
  )
  append(store, lab.id, "injection.probed", { injection: injection.id, moment, ...seen })
  return seen.state
}

// internal

/** Whoever was at work on it is dead, and a command that he waited for may still change the world. */
async function endWorkOf(store: Store, lab: Lab, { id, worker }: Injection): Promise<void> {
  if (worker?.pid != null && worker.started !== null)
    endCommandsOf({ pid: worker.pid, started: worker.started }, lab.dir)
  // What another fault has there goes on.
  const others = injectionsOf(store, lab.id).some((one) => one.id !== id && isOpen(one))
  if (lab.platform === "docker" && !others) await dismissHelpers(lab.id, "all")
}

/** What works in a helper for another fault goes on. One that cannot be removed goes with the lab. */
async function dismiss(store: Store, lab: Lab): Promise<void> {
  await dismissHelpers(lab.id, injectionsOf(store, lab.id).some(isOpen) ? "past" : "all")
}

const AFTER: Record<Presence | "unknown", Phase> = {
  gone: "reverted",
  void: "void",
  active: "failed",
  unknown: "failed",
}
const FAILED: Partial<Record<Presence | "unknown", string>> = {
  active: "it is still there after the revert",
  unknown: "its probe could not tell whether it is still there",
}
