import type { Store } from "./open.ts"

/** SHA-256 over all rows of a lab in an evidence table, in the table's own order: what a trial seals into its chain. */
export function rowsHash(store: Store, table: "snapshots" | "host_load", lab: string): string {
  const hasher = new Bun.CryptoHasher("sha256")
  for (const row of store.db.query(`select * from ${table} where lab = ?`).iterate(lab))
    hasher.update(`${JSON.stringify(row)}\n`)
  return hasher.digest("hex")
}
