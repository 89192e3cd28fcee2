import { isDeepStrictEqual } from "node:util"
import type { Store } from "../store/open.ts"
import { snapshotsOf } from "../store/snapshots.ts"

export type StateDiff = { kind: "same" } | { kind: "differs"; details: string[] } | { kind: "unknown"; reason: string }

/** Compares the states that were captured before and after; those in `may_change` may differ. */
export function collateral(store: Store, lab: string, may_change: readonly string[]): StateDiff {
  const snapshots = snapshotsOf(store, lab)
  const before = snapshots.filter(({ moment }) => moment === "before")
  const after = new Map(
    snapshots.filter(({ moment }) => moment === "after").map(({ name, content }) => [name, content]),
  )
  const details: string[] = []
  for (const { name, content } of before) {
    if (may_change.includes(name)) continue
    if (!after.has(name)) return { kind: "unknown", reason: `the state "${name}" could not be captured at the end` }
    if (!isDeepStrictEqual(content, after.get(name))) {
      details.push(`${name} was ${JSON.stringify(content)} and is ${JSON.stringify(after.get(name))}`)
    }
  }
  return details.length > 0 ? { kind: "differs", details } : { kind: "same" }
}
