import type { Database } from "bun:sqlite"
import first from "./migrations/0001.sql" with { type: "text" }
import second from "./migrations/0002.sql" with { type: "text" }
import third from "./migrations/0003.sql" with { type: "text" }
import fourth from "./migrations/0004.sql" with { type: "text" }

/** In order; never edited once released, never destructive. */
const MIGRATIONS = [first, second, third, fourth]

export const SCHEMA_VERSION = MIGRATIONS.length

/** Brings the schema up to date. The caller holds one immediate transaction around it. */
export function migrate(db: Database): void {
  const { user_version } = db.query<{ user_version: number }, []>("pragma user_version").get()!
  for (const migration of MIGRATIONS.slice(user_version)) db.run(migration)
  if (user_version < SCHEMA_VERSION) db.run(`pragma user_version = ${SCHEMA_VERSION}`)
}
