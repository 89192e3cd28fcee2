import { refuseAdopted, tidyAdopted } from "../lab/adopt.ts"
import { type Lab, LabUnreachable } from "../lab/lab.ts"
import { messageOf } from "../lib/errors.ts"
import { signal } from "../lib/process.ts"
import { slots } from "../lib/slots.ts"
import { openLab, openLabToDestroy } from "../lab/open.ts"
import { dockerEngine } from "../lab/platforms/docker/engine.ts"
import { withAbandoned } from "../lab/platforms/docker/remove.ts"
import { enterPhase, injectionsOf, isOpen } from "../store/injections.ts"
import {
  getLab,
  guardianOf,
  type LabRow,
  isEnding,
  isOrphan,
  livingLabs,
  markDestroyed,
  markEnding,
} from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { endAbandoned } from "../store/sessions.ts"
import { enterStage, getTrial } from "../store/trials.ts"
import { revertOverdue } from "./look-after.ts"
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
  const enough = new AbortController()
  try {
    markEnding(store, lab.id, why.by, why.reason)
    await Promise.race([revertTogether(store, lab), store.clock.sleep(REVERT_TIMEOUT_MS, enough.signal)])
  } finally {
    enough.abort()
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

/**
 * Heals the labs that nobody answers for: owner and guardian are both dead. `force` takes any, and ends its guardian. A lab
 * that cannot be healed does not keep the others from it. An adopted lab goes on; what goes is the kitchen of an agent that was killed.
 */
export async function sweep(store: Store, options: { force?: boolean } = {}): Promise<Swept> {
  const { force = false } = options
  const adopted = livingLabs(store).filter((lab) => lab.adopted !== null)
  const { tidied, unseen, failures } = await tidy(adopted, force)
  const orphans = toBeSwept(store, { force })
  const inTurn = slots(AT_ONCE)
  const healed = await Promise.all(
    orphans.map((row) =>
      inTurn(async () => {
        try {
          await sweepOne(store, row)
          return [row]
        } catch (error) {
          failures.push(`${row.id}: ${messageOf(error)}`)
          return []
        }
      }),
    ),
  )
  for (const row of livingLabs(store)) {
    if (row.adopted === null && !isEnding(row))
      await revertOverdue(store, row.id, () => openLab(store, row)).catch(() => undefined)
  }
  return { healed: healed.flat(), tidied, unseen, failures }
}

/** The labs that a sweep would heal and remove. */
export function toBeSwept(store: Store, { force }: { force: boolean }): LabRow[] {
  return livingLabs(store).filter((lab) => lab.adopted === null && (force || isOrphan(lab)))
}

export interface Swept {
  healed: LabRow[]
  /** Adopted labs beside which a kitchen was left. */
  tidied: LabRow[]
  /** Why nobody could look beside the adopted labs, when their engine does not answer. */
  unseen: string | undefined
  /** Labs that could not be healed, each with the reason. */
  failures: string[]
}

// internal

/** More would only wait for the engine. */
const AT_ONCE = 10

async function sweepOne(store: Store, row: LabRow): Promise<void> {
  const guardian = guardianOf(row)
  // It may be stopped, or do the same at the same time: what is done here is done once.
  if (guardian) signal(guardian, "SIGKILL")
  const why = { by: "sweep", reason: "its owner died, and no guardian was there" }
  await healLab(store, await openLabToDestroy(store, row), why)
}

/** Whoever begins something waits for this look, though it is seldom of use. */
const LOOK_WITHIN_MS = 5_000

/** The engine is asked once, however many labs were adopted: it may hang, or be there no longer. */
async function tidy(adopted: LabRow[], force: boolean): Promise<Omit<Swept, "healed">> {
  const swept = { tidied: [] as LabRow[], unseen: undefined, failures: [] as string[] }
  if (adopted.length === 0) return swept
  let left: string[]
  try {
    const ids = adopted.map(({ id }) => id)
    left = await withAbandoned(dockerEngine(), ids, { force, timeout_ms: LOOK_WITHIN_MS })
  } catch (error) {
    if (error instanceof LabUnreachable) return { ...swept, unseen: messageOf(error) }
    return { ...swept, failures: [`what was left beside adopted labs: ${messageOf(error)}`] }
  }
  for (const row of adopted.filter(({ id }) => left.includes(id))) {
    try {
      if (await tidyAdopted(row, { force })) swept.tidied.push(row)
    } catch (error) {
      swept.failures.push(`${row.id}: ${messageOf(error)}`)
    }
  }
  return swept
}

/** All at once: one that hangs must not keep the others from being undone before the lab goes. */
function revertTogether(store: Store, lab: Lab): Promise<unknown> {
  const open = injectionsOf(store, lab.id).filter(isOpen)
  return Promise.all(open.map((injection) => revert(store, lab, injection)))
}
