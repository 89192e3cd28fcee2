import type { LabRow } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { readText } from "../store/texts.ts"
import type { Lab } from "./lab.ts"
import { parseSubject } from "./parse-subject.ts"
import { processLab } from "./platforms/process.ts"

/** The lab of a record, with its subject as it was when the lab was made. */
export async function openLab(store: Store, row: LabRow): Promise<Lab> {
  const text = readText(store, row.subject_text)
  if (!text) throw new Error(`the store does not hold the subject of ${row.id}`)
  const subject = await parseSubject(text.content, text.name)
  return processLab(row.id, subject, row.dir)
}
