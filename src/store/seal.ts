import type { Store } from "./open.ts"

/** What a trial leaves beside the log, and seals into its chain when it ends. */
export type Evidence = keyof typeof ROWS

/** SHA-256 over what a lab left in one of the tables of evidence, in order. Follows from the content alone, not from the lab. */
export function evidenceHash(store: Store, table: Evidence, lab: string): string {
  const hasher = new Bun.CryptoHasher("sha256")
  for (const row of store.db.query(`select ${ROWS[table]} from ${table} where lab = ? order by 1, 2`).iterate(lab))
    hasher.update(`${JSON.stringify(row)}\n`)
  return hasher.digest("hex")
}

// internal

/** The columns of each table, those by which its rows are told apart in front. */
const ROWS = {
  samples: "second, operation, scheduled, sent, ok, failed, lag_ms, hex(histogram) as histogram",
  ledger: "key, value, acked_ms",
  snapshots: "moment, name, content, at",
  host_load: "second, load1, free_bytes, lag_ms",
} as const
