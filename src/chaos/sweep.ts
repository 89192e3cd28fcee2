import { tidyAdopted } from "../lab/adopt.ts"
import { LabUnreachable } from "../lab/lab.ts"
import { openLab, openLabToDestroy } from "../lab/open.ts"
import { dockerEngine } from "../lab/platforms/docker/engine.ts"
import { withAbandoned } from "../lab/platforms/docker/remove.ts"
import { removeStray, type Stray, type Strays } from "../lab/strays.ts"
import { messageOf } from "../lib/errors.ts"
import { signal } from "../lib/process.ts"
import { slots } from "../lib/slots.ts"
import { guardianOf, type LabRow, isEnding, isOrphan, livingLabs } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { healLab } from "./heal.ts"
import { revertOverdue } from "./look-after.ts"

export interface Swept {
  healed: LabRow[]
  /** Adopted labs beside which a kitchen was left. */
  tidied: LabRow[]
  /** Why nobody could look beside the adopted labs, when their engine does not answer. */
  unseen: string | undefined
  /** Labs that could not be healed, each with the reason. */
  failures: string[]
}

/**
 * Heals the labs that nobody answers for: owner and guardian are both dead. `force` takes any, and ends its guardian. A lab
 * that cannot be healed does not keep the others from it. An adopted lab goes on; what goes is the kitchen of an agent that was killed.
 */
export async function sweep(store: Store, options: { force?: boolean } = {}): Promise<Swept> {
  const { force = false } = options
  const adopted = livingLabs(store).filter((lab) => lab.adopted !== null)
  const { tidied, unseen, failures } = await tidy(adopted, force)
  const { done, failed } = await eachOf(toBeSwept(store, { force }), (row) => sweepOne(store, row))
  for (const row of livingLabs(store)) {
    if (row.adopted === null && !isEnding(row))
      await revertOverdue(store, row.id, () => openLab(store, row)).catch(() => undefined)
  }
  return { healed: done, tidied, unseen, failures: [...failures, ...failed] }
}

/** The labs that a sweep would heal and remove. */
export function toBeSwept(store: Store, { force }: { force: boolean }): LabRow[] {
  return livingLabs(store).filter((lab) => lab.adopted === null && (force || isOrphan(lab)))
}

/** Ends and removes labs that no record knows. One that resists does not keep the others from it. */
export async function sweepStrays({ strays, unseen }: Strays): Promise<{ removed: Stray[]; failures: string[] }> {
  const { done, failed } = await eachOf(strays, (stray) => removeStray(stray, { engine: unseen === undefined }))
  return { removed: done, failures: failed }
}

// internal

/** More would only wait for the engine. */
const AT_ONCE = 10

/** Does something to some labs, of which one that resists does not keep the others from it: `failed` says why, each by its id. */
async function eachOf<L extends { id: string }>(
  labs: readonly L[],
  work: (lab: L) => Promise<void>,
): Promise<{ done: L[]; failed: string[] }> {
  const inTurn = slots(AT_ONCE)
  const failed: string[] = []
  const one = async (lab: L) => {
    try {
      await work(lab)
      return [lab]
    } catch (error) {
      failed.push(`${lab.id}: ${messageOf(error)}`)
      return []
    }
  }
  const done = await Promise.all(labs.map((lab) => inTurn(() => one(lab))))
  return { done: done.flat(), failed }
}

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
