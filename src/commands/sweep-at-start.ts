import { sweep } from "../chaos/heal.ts"
import { note } from "../lib/output.ts"
import type { Store } from "../store/open.ts"

/** Heals what nobody answers for any more. A lab that resists is said, and keeps nobody from working. */
export async function sweepAtStart(store: Store): Promise<void> {
  const { healed, failures } = await sweep(store)
  for (const { id } of healed) note(`healed ${id}, for which nobody answered any more`)
  for (const failure of failures) note(`could not be healed: ${failure}`)
}
