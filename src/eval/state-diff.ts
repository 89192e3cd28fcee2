import { isDeepStrictEqual } from "node:util"
import type { Store } from "../store/open.ts"
import { snapshotsOf } from "../store/snapshots.ts"

export type StateDiff = { kind: "same" } | { kind: "differs"; details: string[] } | { kind: "unknown"; reason: string }

/**
 * Compares the states that were captured before and after; those in `may_change` may differ. A difference that was seen
 * outweighs a part that could not be captured, and a comparison with nothing proves nothing.
 */
export function collateral(store: Store, lab: string, may_change: readonly string[]): StateDiff {
  const snapshots = snapshotsOf(store, lab)
  const at = (moment: string) => snapshots.filter((snapshot) => snapshot.moment === moment)
  const after = new Map(at("after").map(({ name, content }) => [name, content]))
  const details: string[] = []
  const missing: string[] = []
  for (const { name, content } of at("before")) {
    if (may_change.includes(name)) continue
    if (!after.has(name)) missing.push(name)
    else if (!isDeepStrictEqual(content, after.get(name))) {
      details.push(`${name} was ${JSON.stringify(content)} and is ${JSON.stringify(after.get(name))}`)
    }
  }
  if (details.length > 0) return { kind: "differs", details }
  if (missing.length > 0) return { kind: "unknown", reason: `${missing.join(", ")} could not be captured at the end` }
  if (at("before").length === 0) return { kind: "unknown", reason: "no state was captured before the fault" }
  return { kind: "same" }
}
