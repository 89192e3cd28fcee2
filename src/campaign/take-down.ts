import { destroyLab, PATIENCE_MS } from "../chaos/heal.ts"
import { messageOf } from "../lib/errors.ts"
import type { Store } from "../store/open.ts"
import type { Stand } from "./stand.ts"

/**
 * Ends the lab of a check, and its guardian with it. With `strict`, a lab that could not be taken down is an error; without, there is one
 * already that matters more, and it is told.
 */
export async function takeDown(
  store: Store,
  stand: Stand,
  { tell, strict }: { tell(text: string): void; strict: boolean },
): Promise<void> {
  const { lab, guardian } = stand
  await stand.quiet()
  try {
    await destroyLab(store, lab, { by: "check", reason: "the check has ended", patience_ms: PATIENCE_MS })
    await guardian.goodbye()
    tell(`${lab.id}: taken down`)
  } catch (error) {
    // Its guardian, which was told no goodbye, goes on with it once this process has ended.
    if (strict) throw error
    tell(`${lab.id}: could not be taken down: ${messageOf(error)}`)
  }
}
