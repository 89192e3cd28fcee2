import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { codeOf, UsageError } from "../../../lib/errors.ts"

/** What a subject brings along are configurations and sources; more is a folder that was named by mistake. */
const MAX_FILES = 10_000
const MAX_BYTES = 256 * 1024 * 1024

/** A file of a subject, or all that are below a folder of it, in one order. Reads what is inside the executable as well. */
export function* filesBelow(path: string): Generator<{ file: string; mode: number }> {
  let [files, size_bytes] = [0, 0]
  const below = function* (one: string): Generator<{ file: string; mode: number }> {
    const stat = statSync(one)
    if (stat.isDirectory()) {
      for (const name of readdirSync(one).sort()) yield* below(join(one, name))
      return
    }
    if (!stat.isFile()) return
    files += 1
    size_bytes += stat.size
    if (files > MAX_FILES || size_bytes > MAX_BYTES) {
      throw new UsageError(
        `${path}: a lab takes at most ${MAX_FILES} files and ${MAX_BYTES >> 20} MiB of its subject's`,
      )
    }
    yield { file: one, mode: stat.mode }
  }
  try {
    yield* below(path)
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error
    throw new UsageError(`${path}: the subject names it, and there is no such file`, { cause: error })
  }
}

/** Copies a file, or a folder with all that is in it, and the right to run what may be run. */
export function copyTree(from: string, to: string): void {
  if (statSync(from, { throwIfNoEntry: false })?.isDirectory()) mkdirSync(to, { recursive: true })
  for (const { file, mode } of filesBelow(from)) {
    const place = `${to}${file.slice(from.length)}`
    mkdirSync(dirname(place), { recursive: true })
    // Readable for whoever the service runs as.
    writeFileSync(place, readFileSync(file), { mode: mode & 0o111 ? 0o755 : 0o644 })
  }
}
