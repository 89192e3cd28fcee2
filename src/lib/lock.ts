import { Database, SQLiteError } from "bun:sqlite"
import { waitUntil } from "./clock.ts"
import { codeOf, EnvironmentError, Interrupted } from "./errors.ts"

export interface LockOptions {
  wait_ms: number
  /** Told once, when somebody else holds it. */
  onWait: () => void
  /** What the holder does, for the error when that takes longer than `wait_ms`. */
  doing: string
  signal?: AbortSignal | undefined
}

/**
 * Does `work` while nobody else holds the lock that `file` stands for, in this process or another. The kernel takes it from a holder that
 * dies, whichever way. The file stays, and is empty: whoever removed it could take it from under those who wait.
 */
export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  // SQLite locks a file in the same way on every system. Nothing is ever written to this one.
  const lock = new Database(file, { create: true, readwrite: true })
  try {
    if (!take(lock)) {
      options.onWait()
      await waitFor(lock, file, options)
    }
    return await work()
  } finally {
    lock.close()
  }
}

// internal

const LOOK_EVERY_MS = 100

async function waitFor(lock: Database, file: string, { wait_ms, doing, signal }: LockOptions): Promise<void> {
  const taken = await waitUntil(() => take(lock), { timeout_ms: wait_ms, every_ms: LOOK_EVERY_MS, signal })
  if (taken) return
  if (signal?.aborted) throw new Interrupted(`interrupted while another process was ${doing}`)
  throw new EnvironmentError(
    `another process has been ${doing} for more than ${Math.round(wait_ms / 60_000)} minutes`,
    {
      hint: `see which: fuser ${file}; end it, or run the same command again`,
    },
  )
}

function take(lock: Database): boolean {
  try {
    lock.run("begin exclusive")
    return true
  } catch (error) {
    if (error instanceof SQLiteError && codeOf(error)?.startsWith("SQLITE_BUSY")) return false
    throw error
  }
}
