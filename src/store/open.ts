import { type Database, SQLiteError } from "bun:sqlite"
import { existsSync, mkdirSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { type Clock, systemClock } from "../lib/clock.ts"
import { codeOf, EnvironmentError } from "../lib/errors.ts"
import { environmentError } from "../lib/system-error.ts"
import { BUSY_TIMEOUT_MS, connectForReading, connectForWriting, notOurs, refuseMissing, schemaOf } from "./connect.ts"

/** Processes that create the file at once collide on the switch to WAL, whatever the busy timeout. */
const OPEN_PAUSE_MS = 25

/** One open store. Everything that is written goes through `write`. */
export interface Store {
  readonly db: Database
  readonly file: string
  readonly clock: Clock
  /**
   * Runs `change` in one immediate transaction; within another write it is a part of that one. `durable` (of the outermost)
   * survives a power cut, the rest survives kill -9. `change` must be done when it returns: an asynchronous one is refused.
   */
  write<T>(change: () => Done<T>, options?: { durable?: boolean }): T
  /** Moves the write-ahead log into the one file, so that it can be copied alone. False while others still read from the log. */
  checkpoint(): boolean
  close(): void
}

/** What is there when a function returns. SQLite's transaction would be over before a promise is settled. */
export type Done<T> = T extends PromiseLike<unknown> ? never : T

/** `--db`, else OPERATOR_DB, else ~/.operator/operator.db; absolute. */
export function storeFile(flag?: string): string {
  return resolve(flag ?? (Bun.env.OPERATOR_DB || join(homedir(), ".operator", "operator.db")))
}

/** Opens the store for writing, and creates or migrates it. */
export function openStore(file: string, clock: Clock = systemClock): Store {
  return explained(file, () => {
    makeFolder(dirname(file))
    const end_ms = systemClock.mono_ms() + BUSY_TIMEOUT_MS
    for (;;) {
      try {
        return storeOn(connectForWriting(file), file, clock)
      } catch (error) {
        if (!isBusy(error) || systemClock.mono_ms() >= end_ms) throw error
        Bun.sleepSync(OPEN_PAUSE_MS)
      }
    }
  })
}

/** As `openStore`, for what can only be done to something that is in a store already: a missing one is not created. */
export function openExistingStore(file: string, clock: Clock = systemClock): Store {
  explained(file, () => refuseMissing(file))
  return openStore(file, clock)
}

/** Opens an existing store for reading alone; also a file that lies in a folder without write permission. */
export function openStoreReadOnly(file: string, clock: Clock = systemClock): Store {
  return explained(file, () => storeOn(connectForReading(file), file, clock))
}

/**
 * The store for a command that lists, at `--db` or where `storeFile` says: an empty one where nobody has named a store and there is none
 * yet, since nothing was ever started. Nothing is created.
 */
export function openStoreToList(flag?: string): Store {
  const file = storeFile(flag)
  const named = flag !== undefined || Boolean(Bun.env.OPERATOR_DB)
  if (named || existsSync(file)) return openStoreReadOnly(file)
  return storeOn(connectForWriting(":memory:"), file, systemClock)
}

/** The schema of the store at `file`, 0 when there is none yet. Nothing is created; what is no store is refused. */
export function storeSchema(file: string): number {
  return explained(file, () => schemaOf(file))
}

/** Throws when `value` is a promise: whoever made it believes that he is still in the transaction. */
export function refusePromise<T>(value: T): T {
  if (typeof (value as { then?: unknown } | null | undefined)?.then !== "function") return value
  throw new Error("a change to the store must not be asynchronous: its transaction is over at the first await")
}

// internal

function storeOn(db: Database, file: string, clock: Clock): Store {
  return {
    db,
    file,
    clock,
    write: (change, options = {}) =>
      explained(file, () => {
        const run = () => refusePromise(change())
        if (db.inTransaction) return run()
        if (options.durable) db.run("pragma synchronous = full")
        try {
          return db.transaction(run).immediate()
        } finally {
          if (options.durable) db.run("pragma synchronous = normal")
        }
      }),
    checkpoint: () =>
      explained(file, () => db.query<{ busy: number }, []>("pragma wal_checkpoint(truncate)").get()?.busy === 0),
    close: () => db.close(),
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    // What is missing cannot be made where it is, in /proc for one.
    if (codeOf(error) !== "ENOENT") throw error
    throw new EnvironmentError(`the folder ${folder} for the store cannot be made`, {
      hint: "--db FILE or OPERATOR_DB names a store elsewhere",
      cause: error,
    })
  }
}

function isBusy(error: unknown): boolean {
  return codeOf(error)?.startsWith("SQLITE_BUSY") === true || codeOf(error)?.startsWith("SQLITE_LOCKED") === true
}

/** Turns what SQLite and the file system say into errors with the place and what to do. */
function explained<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof SQLiteError && codeOf(error) === "SQLITE_NOTADB") throw notOurs(file, error)
    throw environmentError(error, file) ?? error
  }
}
