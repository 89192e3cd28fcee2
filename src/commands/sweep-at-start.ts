import { sweep } from "../chaos/sweep.ts"
import { note } from "../lib/output.ts"
import type { Store } from "../store/open.ts"

/** Says beside which adopted labs a killed agent's kitchen was. */
export function noteTidied(labs: readonly { id: string }[]): void {
  for (const { id } of labs) note(`removed the kitchen that was left beside ${id}; nothing else of it was touched`)
}

/**
 * Heals what nobody answers for any more. A lab that resists is said, and keeps nobody from working. An engine
 * that does not answer is not: what is to be done may need none.
 */
export async function sweepAtStart(store: Store): Promise<void> {
  const { healed, tidied, failures } = await sweep(store)
  for (const { id } of healed) note(`healed ${id}, for which nobody answered any more`)
  noteTidied(tidied)
  for (const failure of failures) note(`could not be healed: ${failure}`)
}
