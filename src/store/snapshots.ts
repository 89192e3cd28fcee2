import { sha256 } from "../lib/ids.ts"
import { append } from "./events.ts"
import type { Store } from "./open.ts"

export interface Snapshot {
  moment: string
  name: string
  content: unknown
  at: string
}

/** Keeps what `name` looked like at a moment of the trial ("before", "after"). */
export function keepSnapshot(store: Store, lab: string, moment: string, name: string, content: unknown): void {
  const text = JSON.stringify(content ?? null)
  append(
    store,
    lab,
    "snapshot",
    { moment, name, hash: sha256(text) },
    {
      project: ({ at }) =>
        store.db
          .query("insert into snapshots (lab, moment, name, content, at) values (?, ?, ?, ?, ?)")
          .run(lab, moment, name, text, at),
    },
  )
}

export function snapshotsOf(store: Store, lab: string): Snapshot[] {
  return store.db
    .query<Omit<Snapshot, "content"> & { content: string }, [string]>(
      "select moment, name, content, at from snapshots where lab = ? order by moment, name",
    )
    .all(lab)
    .map((row) => ({ ...row, content: JSON.parse(row.content) as unknown }))
}
