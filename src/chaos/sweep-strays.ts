import { messageOf } from "../lib/errors.ts"
import { slots } from "../lib/slots.ts"
import { removeStray, type Stray, type Strays } from "../lab/strays.ts"

/** More would only wait for the engine. */
const AT_ONCE = 10

/** Ends and removes labs that no record knows. One that resists does not keep the others from it. */
export async function sweepStrays({ strays, unseen }: Strays): Promise<{ removed: Stray[]; failures: string[] }> {
  const inTurn = slots(AT_ONCE)
  const failures: string[] = []
  const removed = await Promise.all(
    strays.map((stray) =>
      inTurn(async () => {
        try {
          await removeStray(stray, { engine: unseen === undefined })
          return [stray]
        } catch (error) {
          failures.push(`${stray.id}: ${messageOf(error)}`)
          return []
        }
      }),
    ),
  )
  return { removed: removed.flat(), failures }
}
