import { codeOf, EnvironmentError, messageOf, OperatorError } from "./errors.ts"

/**
 * What the system or SQLite complains of, in words and with what to do; undefined when it is nothing that a user can mend.
 * `place` is the file that was worked on; without it the complaint's own text says which.
 */
export function environmentError(error: unknown, place?: string): EnvironmentError | undefined {
  const code = codeOf(error)
  if (code === undefined || error instanceof OperatorError) return undefined
  const known = Object.entries(KNOWN).find(([prefix]) => code === prefix || code.startsWith(`${prefix}_`))
  if (!known) return undefined
  const { what, hint } = known[1]
  return new EnvironmentError(`${what}: ${place ?? messageOf(error)}`, {
    hint: hint.replaceAll("{file}", place ?? "FILE"),
    cause: error,
  })
}

// internal

const FULL = { what: "the disk is full", hint: "free some space and run the same command again" }
const NO_PERMISSION = {
  what: "no permission",
  hint: "check owner and mode of the file and its folder; --db FILE names another store",
}
const NO_FOLDER = { what: "a part of the path is no folder", hint: "name another file, or remove what is in the way" }

/** By the beginning of the code: SQLite's extended codes go on after it. `{file}` is the place. */
const KNOWN: Record<string, { what: string; hint: string }> = {
  SQLITE_FULL: FULL,
  ENOSPC: FULL,
  EDQUOT: { ...FULL, what: "the disk quota is used up" },
  EACCES: NO_PERMISSION,
  EPERM: NO_PERMISSION,
  SQLITE_PERM: NO_PERMISSION,
  SQLITE_READONLY: { ...NO_PERMISSION, what: "the store may not be written" },
  SQLITE_CANTOPEN: { ...NO_PERMISSION, what: "the store cannot be opened" },
  EROFS: { what: "the file system is read-only", hint: "name a store elsewhere with --db FILE" },
  ENOTDIR: NO_FOLDER,
  EEXIST: NO_FOLDER,
  EMFILE: { what: "too many open files", hint: "raise the limit: ulimit -n 4096" },
  SQLITE_IOERR: {
    what: "the disk failed under the store",
    hint: "check the disk and the space on it: df -h, dmesg",
  },
  SQLITE_BUSY: {
    what: "another process has held the store for too long",
    hint: "see which: fuser {file}; then run the same command again",
  },
  SQLITE_CORRUPT: {
    what: "the store is damaged",
    hint: "restore a copy; sqlite3 {file} .recover saves what can still be read",
  },
}
