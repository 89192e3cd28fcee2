import { UsageError } from "../lib/errors.ts"
import type { LabRow } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import type { Lab } from "./lab.ts"
import { parseSubject, storedSubject } from "./parse-subject.ts"
import { processLab } from "./platforms/process.ts"

/** The lab of a record, with its subject as it was when the lab was made. */
export async function openLab(store: Store, row: LabRow): Promise<Lab> {
  return processLab(row.id, await storedSubject(store, row), row.dir)
}

/**
 * As `openLab`, to take a lab down. Of one whose subject this operator no longer understands nothing is known but its folder,
 * which is enough to end it.
 */
export async function openLabToDestroy(store: Store, row: LabRow): Promise<Lab> {
  try {
    return await openLab(store, row)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return processLab(row.id, await parseSubject("services: {}", row.subject, row.subject), row.dir)
  }
}
