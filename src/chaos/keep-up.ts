import { messageOf } from "../lib/errors.ts"
import type { Lab } from "../lab/lab.ts"
import { append } from "../store/events.ts"
import { enterPhase, getInjection, type Injection, isOpen } from "../store/injections.ts"
import type { Store } from "../store/open.ts"
import type { OnRestart } from "../store/trials.ts"
import { findFault } from "./catalogue.ts"
import { inject, type InjectOptions } from "./inject.ts"
import { presenceOf, revert } from "./revert.ts"

/** A fault that is kept up in a lab. */
export interface Kept {
  /** The record of now: each restart has one of its own. */
  current(): Injection
  /** Lets restarts take it away from now on. */
  stop(): Promise<void>
}

/** Somebody who removes a fault and restarts its node within this time has it back once. */
const LOOK_EVERY_MS = 1_000
/** One look at work and one that sees what has happened since it began. */
const MAX_WAITING = 2

/**
 * Applies a fault again when a node comes back from a restart without it, so that a restart is no universal cure; unless it had been
 * removed before. Faults that a restart does not take away are left alone. With `void` a restart is a cure: once each of its targets
 * has come back, what is left of the fault elsewhere is taken away as well, and the record is void.
 */
export function keepUp(
  store: Store,
  lab: Lab,
  injection: Injection,
  options: InjectOptions,
  on_restart: OnRestart = "reapply",
): Kept {
  const fault = findFault(injection.fault, lab.subject)
  let current = injection
  const { isStale } = fault
  if (!isStale) return { current: () => current, stop: async () => {} }

  const over = new AbortController()
  let [removed, waiting, busy] = [false, 0, Promise.resolve()]
  const inTurn = (work: () => Promise<void>) => {
    waiting += 1
    busy = busy.then(work).catch((error: unknown) => {
      append(store, lab.id, "injection.probed", {
        ...{ injection: current.id, moment: "when it was to be kept up" },
        ...{ state: "unknown", reason: messageOf(error) },
      })
    })
    busy = busy.finally(() => (waiting -= 1))
  }
  const look = async () => {
    if (over.signal.aborted || !isOpen(current)) return
    const anew = (await lab.nodes()).filter((node) => node.state === "running" && isStale(current.plan, node))
    if (on_restart === "void") {
      const cured = current.targets.every((target) => anew.some(({ name }) => name === target))
      if (!cured) return
      await fault.revert(lab, current.plan)
      enterPhase(store, current, "void", "its node was restarted")
      current = getInjection(store, current.id) ?? current
    } else if (anew.length === 0) removed = (await presenceOf(lab, current)) === "gone"
    else if (!removed) {
      const old = current
      current = await inject(store, lab, { ...options, replaces: old.id })
      await revert(store, lab, old)
    }
  }
  const lookSoon = () => {
    if (waiting < MAX_WAITING) inTurn(look)
  }
  const timer = setInterval(lookSoon, LOOK_EVERY_MS)
  const ignore = lab.watchNodes(lookSoon)
  return {
    current: () => current,
    stop: async () => {
      over.abort()
      clearInterval(timer)
      ignore()
      await busy
    },
  }
}
