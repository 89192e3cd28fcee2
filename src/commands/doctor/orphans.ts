import { OperatorError } from "../../lib/errors.ts"
import { isOrphan, livingLabs } from "../../store/labs.ts"
import { openStoreReadOnly } from "../../store/open.ts"
import { type Finding, note, ok } from "./finding.ts"

/** Labs for which nobody answers any more. A store that cannot be read is the concern of another check. */
export function checkOrphans(file: string): Finding {
  let orphans: string[]
  try {
    const store = openStoreReadOnly(file)
    orphans = livingLabs(store)
      .filter(isOrphan)
      .map(({ id }) => id)
    store.close()
  } catch (error) {
    if (error instanceof OperatorError) return ok("orphans", "no store, no labs")
    throw error
  }
  if (orphans.length === 0) return ok("orphans", "every lab has somebody who answers for it")
  return note("orphans", `nobody answers for ${orphans.join(", ")}`, "operator chaos sweep")
}
