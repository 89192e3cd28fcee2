import { UsageError } from "./errors.ts"
import { didYouMean } from "./nearest.ts"

/** Names that an error lists before it only counts the others. */
const MAX_LISTED = 5

/**
 * The candidate that `word` means: the one that equals it, else the only one that begins with it. Throws a UsageError
 * when there is none or more than one. `what` is the design's word for a candidate ("lab"), `hint` says where they are listed.
 */
export function matchPrefix(word: string, candidates: Iterable<string>, what: string, hint?: string): string {
  const all = [...new Set(candidates)]
  if (all.includes(word)) return word
  const matches = word === "" ? [] : all.filter((candidate) => candidate.startsWith(word))
  const [only] = matches
  if (only !== undefined && matches.length === 1) return only
  const options = hint === undefined ? {} : { hint }
  if (matches.length === 0) throw new UsageError(`no ${what} "${word}"${didYouMean(word, all)}`, options)
  const listed = matches.sort().slice(0, MAX_LISTED).join(", ")
  const more = matches.length > MAX_LISTED ? ` and ${matches.length - MAX_LISTED} more` : ""
  throw new UsageError(`"${word}" may be any of ${matches.length} ${what}s: ${listed}${more}`, {
    hint: "write more of it",
  })
}
