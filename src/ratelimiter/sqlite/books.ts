import type { Database } from "bun:sqlite"
import type { Clock } from "../../lib/clock.ts"
import type { Books } from "../books.ts"
import { openDatabase, openReadOnly } from "./database.ts"

/** A program that does one thing may wait for it; nodes hold the lock for milliseconds. */
export const BUSY_TIMEOUT_MS = 2_000

/** Opens a store's file beside the nodes. Only to look, it leaves nothing behind. */
export async function openSqliteBooks(
  file: string,
  { clock, change }: { clock: Clock; change: boolean },
): Promise<Books> {
  const db = change
    ? await openDatabase(file, { create: false, busy_timeout_ms: BUSY_TIMEOUT_MS, clock })
    : openReadOnly(file)
  return {
    countLog: async () => countLog(db),
    recount: async () => db.transaction(() => recount(db)).immediate(),
    close: () => db.close(),
  }
}

// internal

function countLog(db: Database): Map<string, number> {
  const rows = db.query<{ key: string; units: number }, []>("select key, count(*) as units from log group by key").all()
  return new Map(rows.map(({ key, units }) => [key, units]))
}

function recount(db: Database): number {
  const wrong = db.run(
    `update counters set used = (select count(*) from log where log.key = counters.key)
     where used <> (select count(*) from log where log.key = counters.key)`,
  )
  const missing = db.run(
    `insert into counters (key, used)
     select key, count(*) from log where key not in (select key from counters) group by key`,
  )
  return wrong.changes + missing.changes
}
