import { UsageError } from "../lib/errors.ts"
import { matchPrefix } from "../lib/prefix.ts"
import { getLab, type LabRow, livingLabs, stateWord } from "../store/labs.ts"
import type { Store } from "../store/open.ts"

/** The living lab that a word means: its id, or the beginning of it. */
export function whichLab(store: Store, word: string): LabRow {
  const past = getLab(store, word)
  if (past?.state === "destroyed") {
    throw new UsageError(`${word} was ${stateWord(past)}`, { hint: `operator audit show ${word} tells its story` })
  }
  const labs = livingLabs(store)
  const id = matchPrefix(
    word,
    labs.map((lab) => lab.id),
    "lab",
    "operator labs shows those that are up; operator up SUBJECT makes one",
  )
  const found = labs.find((lab) => lab.id === id)
  if (!found) throw new UsageError(`no lab "${word}"`)
  return found
}
