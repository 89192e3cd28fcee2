import { constants, Database } from "bun:sqlite"
import { closeSync, openSync, readSync, statSync } from "node:fs"
import { codeOf, EnvironmentError, UsageError } from "../lib/errors.ts"
import { migrate, SCHEMA_VERSION } from "./migrate.ts"

/** Another process may hold the write lock this long before a write here fails. Writes take microseconds. */
export const BUSY_TIMEOUT_MS = 10_000

/**
 * The log is copied into the file whenever it has grown to so many pages of 4 KiB, and whoever happens to write then waits for the
 * disk. A trial does so when it ends; in its midst a turn of the agent is the one that would wait.
 */
const CHECKPOINT_PAGES = 8_000

/** A connection that may write; creates what is missing. Throws SQLITE_BUSY when another process creates the file now. */
export function connectForWriting(file: string): Database {
  refuseForeign(file)
  const db = new Database(file, { create: true, strict: true })
  return orClose(db, () => {
    db.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`)
    // The mark is in the file itself before anything may be in the write-ahead log, so that a look at the file tells whose it is.
    if (numberOf(db, "page_count") === 0) db.run(`pragma application_id = ${APPLICATION_ID}`)
    refuseUnmarked(db, file)
    refuseNewer(db, file)
    db.run("pragma journal_mode = wal")
    db.run("pragma synchronous = normal")
    db.run(`pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    db.run("pragma foreign_keys = on")
    if (numberOf(db, "user_version") < SCHEMA_VERSION) db.transaction(() => migrate(db)).immediate()
  })
}

/** A connection that only reads; also of a file at rest in a folder without write permission. */
export function connectForReading(file: string): Database {
  if (!refuseForeign(file)) throw noStore(file)
  const db = openReadOnly(file)
  return orClose(db, () => {
    refuseUnmarked(db, file)
    refuseNewer(db, file)
    const version = numberOf(db, "user_version")
    if (version === 0) throw noStore(file)
    if (version === SCHEMA_VERSION) return
    throw new UsageError(`${file} was written by an older operator (schema ${version})`, {
      hint: `a command that writes brings it up to date: operator chaos sweep --db ${file}`,
    })
  })
}

/** The schema of what is at `file`, 0 while nothing is in it yet. What this operator could not use is refused. */
export function schemaOf(file: string): number {
  if (!refuseForeign(file)) return 0
  const db = openReadOnly(file)
  try {
    refuseNewer(db, file)
    return numberOf(db, "user_version")
  } finally {
    db.close()
  }
}

/** Throws when there is nothing at `file` that could be a store. */
export function refuseMissing(file: string): void {
  if (!isThere(file)) throw noStore(file)
}

export function notOurs(file: string, cause?: unknown): UsageError {
  return new UsageError(`${file} is not an Operator store`, {
    hint: "name another file with --db FILE; nothing was changed",
    cause,
  })
}

/** Whether a file is a store of Operator's, by its mark (application_id, at byte 68 of the file: SQLite's file format). */
export function isMarked(file: string): boolean {
  const header = Buffer.alloc(72)
  const fd = openSync(file, "r")
  try {
    return readSync(fd, header, 0, header.length, 0) === header.length && header.readUInt32BE(68) === APPLICATION_ID
  } finally {
    closeSync(fd)
  }
}

// internal

/** Marks the file as Operator's, so that another program's SQLite file is never written to. "OPER". */
const APPLICATION_ID = 0x4f504552

/**
 * False when nothing is there yet, or an empty file. Looks at the file alone, past locks and logs: opening another program's
 * file the usual way would write its log back into it.
 */
function refuseForeign(file: string): boolean {
  if (!isThere(file) || statSync(file).size === 0) return false
  const db = openImmutable(file)
  try {
    refuseUnmarked(db, file)
  } catch (error) {
    // In the midst of a checkpoint a file is shorter than it says. Whose it is can be asked again once its log is read.
    if (codeOf(error) !== "SQLITE_CORRUPT") throw error
  } finally {
    db.close()
  }
  return true
}

function refuseUnmarked(db: Database, file: string): void {
  if (numberOf(db, "application_id") !== APPLICATION_ID) throw notOurs(file)
}

function isThere(file: string): boolean {
  try {
    const stat = statSync(file)
    if (stat.isFile()) return true
    throw new UsageError(`${file} is ${stat.isDirectory() ? "a folder" : "no regular file"}, not a store`, {
      hint: `name a file with --db FILE${stat.isDirectory() ? `, for instance ${file}/operator.db` : ""}`,
    })
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false
    throw error
  }
}

/** SQLite needs to create a -shm file beside a WAL store. Where it may not, a store at rest is read as immutable. */
function openReadOnly(file: string): Database {
  const db = new Database(file, { readonly: true, strict: true })
  try {
    // Before the first look at the file: whoever opens it for writing at this moment locks it for an instant.
    db.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`)
    db.query("pragma schema_version").get()
    return db
  } catch (error) {
    db.close()
    if (!["SQLITE_CANTOPEN", "SQLITE_READONLY_DIRECTORY"].includes(codeOf(error) ?? "")) throw error
    const log = statSync(`${file}-wal`, { throwIfNoEntry: false })
    if (!log || log.size === 0) return openImmutable(file)
    throw new EnvironmentError(`${file} was not closed in good order, and its folder may not be written`, {
      hint: `copy it with ${file}-wal to a folder of your own, and name the copy with --db FILE`,
      cause: error,
    })
  }
}

/** Takes the file for one that nobody writes: no lock, no log, no file beside it. */
function openImmutable(file: string): Database {
  return new Database(
    `${Bun.pathToFileURL(file).href}?immutable=1`,
    constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI,
  )
}

function refuseNewer(db: Database, file: string): void {
  const version = numberOf(db, "user_version")
  if (version <= SCHEMA_VERSION) return
  throw new UsageError(
    `${file} was written by a newer operator (schema ${version}, this one knows ${SCHEMA_VERSION})`,
    { hint: "use that operator, or another file with --db FILE" },
  )
}

function noStore(file: string): UsageError {
  return new UsageError(`there is no store at ${file}`, { hint: "name another with --db FILE, or run a trial first" })
}

function numberOf(db: Database, pragma: "application_id" | "page_count" | "user_version"): number {
  const row = db.query<Record<string, number>, []>(`pragma ${pragma}`).get()
  return row?.[pragma] ?? 0
}

function orClose(db: Database, prepare: () => void): Database {
  try {
    prepare()
    return db
  } catch (error) {
    db.close()
    throw error
  }
}
