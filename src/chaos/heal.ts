import { refuseAdopted } from "../lab/adopt.ts"
import type { Lab } from "../lab/lab.ts"
import { within } from "../lib/clock.ts"
import { enterPhase, injectionsOf, isOpen } from "../store/injections.ts"
import { getLab, markDestroyed, markEnding } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { endAbandoned } from "../store/sessions.ts"
import { enterStage, getTrial } from "../store/trials.ts"
import { revert } from "./revert.ts"

const NOT_DESTROYED = "nothing of it is destroyed"

/** Destruction ends what a revert could not, so a revert that hangs is not waited for longer than this. */
const REVERT_TIMEOUT_MS = 1_000

/** How long a lab's end waits for what runs its nodes: a restart of the engine takes seconds, with many containers some more. */
export const PATIENCE_MS = 30_000

/** Who ends a lab, and why. `patience_ms`: as in `Lab.destroy`. */
export interface Ending {
  by: string
  reason: string
  patience_ms?: number
}

/**
 * Reverts what the records say, destroys the lab, and ends the attempt that lived in it. Twice does no harm. The lab is
 * destroyed even when the store cannot be written, on a full disk for instance; a later sweep completes the record.
 */
export async function healLab(store: Store, lab: Lab, why: Ending): Promise<void> {
  refuseAdopted(lab, NOT_DESTROYED)
  try {
    markEnding(store, lab.id, why.by, why.reason)
    await within(revertTogether(store, lab), { timeout_ms: REVERT_TIMEOUT_MS, clock: store.clock })
  } finally {
    await destroyLab(store, lab, why)
  }
  endAbandoned(store, lab.id, why.reason)
  const trial = getLab(store, lab.id)?.trial
  if (trial == null) return
  const stage = getTrial(store, trial)?.stage ?? "pending"
  enterStage(store, trial, lab.id, "error", `${why.reason} (while ${stage})`)
}

/** Ends everything of the lab, and with it every fault that was still in it. */
export async function destroyLab(store: Store, lab: Lab, why: Ending): Promise<void> {
  refuseAdopted(lab, NOT_DESTROYED)
  const ended = await lab.destroy({ patience_ms: why.patience_ms })
  store.write(() => {
    if (getLab(store, lab.id)?.state === "destroyed") return
    for (const injection of injectionsOf(store, lab.id).filter(isOpen))
      enterPhase(store, injection, "void", "the lab was destroyed")
    markDestroyed(store, lab.id, why.by, why.reason, ended)
  })
}

// internal

/** All at once: one that hangs must not keep the others from being undone before the lab goes. */
function revertTogether(store: Store, lab: Lab): Promise<unknown> {
  const open = injectionsOf(store, lab.id).filter(isOpen)
  return Promise.all(open.map((injection) => revert(store, lab, injection)))
}
