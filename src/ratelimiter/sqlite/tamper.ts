import type { Database } from "bun:sqlite"
import type { Falsified, Falsifying } from "../tamper.ts"
import { BUSY_TIMEOUT_MS } from "./books.ts"
import { openDatabase } from "./database.ts"

export async function falsifyInFile(file: string, falsifying: Falsifying): Promise<Falsified[]> {
  const { clock } = falsifying
  const db = await openDatabase(file, { create: false, busy_timeout_ms: BUSY_TIMEOUT_MS, clock })
  try {
    return db.transaction(() => falsify(db, falsifying)).immediate()
  } finally {
    db.close()
  }
}

// internal

function falsify(db: Database, { by, most, choose }: Falsifying): Falsified[] {
  const inUse = db.query<{ key: string }, []>(`select key from counters where used > 0 limit ${most}`).all()
  const adjust = db.query<{ used: number }, [{ key: string; by: number }]>(
    `insert into counters (key, used) values (:key, :by)
     on conflict (key) do update set used = used + excluded.used returning used`,
  )
  return choose(inUse.map(({ key }) => key)).map((key) => {
    const after = adjust.get({ key, by })?.used ?? by
    return { key, before: after - by, after }
  })
}
