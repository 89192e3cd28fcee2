import type { Store } from "./open.ts"

/** The tables whose rows people name by their ids. */
export type Identified = "campaigns" | "trials" | "labs" | "sessions" | "tickets" | "injections"

/** Ids of a table that begin with `prefix`, newest first, at most `limit` of them. */
export function idsBeginningWith(store: Store, table: Identified, prefix: string, limit: number): string[] {
  return store.db
    .query<{ id: string }, { prefix: string; limit: number }>(
      `select id from ${table} where substr(id, 1, length(:prefix)) = :prefix order by rowid desc limit :limit`,
    )
    .all({ prefix, limit })
    .map(({ id }) => id)
}
