import type { Clock } from "../lib/clock.ts"
import { openDatabase } from "./database.ts"

/** A repair may wait for the nodes, which hold the lock for milliseconds. */
const BUSY_TIMEOUT_MS = 2_000

/** Sets each counter to what the log holds. Resolves to the number of counters that were wrong. */
export async function recount(file: string, clock: Clock): Promise<{ recounted: number }> {
  const db = await openDatabase(file, { create: false, busy_timeout_ms: BUSY_TIMEOUT_MS, clock })
  try {
    const recounted = db
      .transaction(() => {
        const wrong = db.run(
          `update counters set used = (select count(*) from log where log.key = counters.key)
           where used <> (select count(*) from log where log.key = counters.key)`,
        )
        const missing = db.run(
          `insert into counters (key, used)
           select key, count(*) from log where key not in (select key from counters) group by key`,
        )
        return wrong.changes + missing.changes
      })
      .immediate()
    return { recounted }
  } finally {
    db.close()
  }
}
