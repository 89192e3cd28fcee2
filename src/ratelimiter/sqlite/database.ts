import { constants, Database } from "bun:sqlite"
import { existsSync } from "node:fs"
import { pathToFileURL } from "node:url"
import type { Clock } from "../../lib/clock.ts"
import { codeOf, messageOf, OperatorError } from "../../lib/errors.ts"
import { DEFAULT_LIMITS } from "../store.ts"
import schema from "./schema.sql" with { type: "text" }

/** Marks the file as a rate limiter's store, so that another program's is never written to. "RATE". */
const APPLICATION_ID = 0x52415445
/** Nodes that create the file at once collide on the switch to WAL, whatever the busy timeout. It settles in milliseconds. */
const OPEN_PATIENCE_MS = 5_000
const OPEN_PAUSE_MS = 20
/** Readers wait for nobody but a node that recovers the file after a crash, which takes a moment. */
const READER_BUSY_TIMEOUT_MS = 500

const { SQLITE_OPEN_READONLY, SQLITE_OPEN_URI } = constants

/** Opens the store's file, and creates it if that is asked for. Safe for several processes at once. */
export async function openDatabase(
  file: string,
  options: { create: boolean; busy_timeout_ms: number; clock: Clock },
): Promise<Database> {
  const end_ms = options.clock.mono_ms() + OPEN_PATIENCE_MS
  for (;;) {
    try {
      return openOnce(file, options)
    } catch (error) {
      if (!isBusy(error) || options.clock.mono_ms() >= end_ms) throw cannotOpen(file, error)
      await options.clock.sleep(OPEN_PAUSE_MS)
    }
  }
}

/**
 * Opens the store's file to look at it, and leaves nothing behind. A reader of a WAL file that nobody has open would create
 * a -wal and a -shm beside it and could not remove them again; such a file doesn't change either, so it is opened as immutable.
 */
export function openReadOnly(file: string): Database {
  const atRest = existsSync(file) && !existsSync(`${file}-wal`)
  try {
    const db = atRest
      ? new Database(`${pathToFileURL(file).href}?immutable=1`, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
      : new Database(file, { readonly: true })
    db.run(`pragma busy_timeout = ${READER_BUSY_TIMEOUT_MS}`)
    return known(db)
  } catch (error) {
    throw cannotOpen(file, error)
  }
}

/** Another connection holds the lock; the same call may succeed in a moment. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error) ?? "")
}

// internal

function openOnce(file: string, options: { create: boolean; busy_timeout_ms: number }): Database {
  const db = new Database(file, { readwrite: true, create: options.create, strict: true })
  try {
    db.run(`pragma busy_timeout = ${options.busy_timeout_ms}`)
    if (options.create && isEmpty(db)) create(db)
    known(db)
    db.run("pragma synchronous = normal")
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function create(db: Database): void {
  db.run("pragma journal_mode = wal")
  db.transaction(() => {
    if (!isEmpty(db)) return
    db.run(`pragma application_id = ${APPLICATION_ID}`)
    db.run(schema)
    const insert = db.prepare("insert into limits (prefix, max, window_ms) values (?, ?, ?)")
    for (const { prefix, max, window_ms } of DEFAULT_LIMITS) insert.run(prefix, max, window_ms)
  }).immediate()
}

function isEmpty(db: Database): boolean {
  return db.query("select 1 from sqlite_schema limit 1").get() === null
}

/** The same database, if it is a rate limiter's; closed and refused otherwise. */
function known(db: Database): Database {
  const found = db.query<{ application_id: number }, []>("pragma application_id").get()
  if (found?.application_id === APPLICATION_ID) return db
  db.close()
  throw new OperatorError("it is not a rate limiter's store")
}

function cannotOpen(file: string, cause: unknown): OperatorError {
  return new OperatorError(`cannot open the store ${file}: ${messageOf(cause)}`, { cause })
}
