import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { codeOf } from "../../lib/errors.ts"
import { randomHex } from "../../lib/ids.ts"
import { ownCommand } from "../../lib/own-command.ts"

/** Services that ship inside this executable, each from a room of its name. A lab's own commands have them on their PATH. */
export const PROGRAMS = ["ratelimiter"]

export function isProgram(name: string): boolean {
  return PROGRAMS.includes(name)
}

/**
 * Writes `bin/NAME` for each shipped program into a lab's folder, where it is not there as it ought to be: the harness's own
 * probes run these programs too, and whoever works in the lab may have put something else in their place.
 */
export function installPrograms(dir: string): void {
  for (const program of PROGRAMS) {
    const file = join(dir, "bin", program)
    const script = `#!/bin/sh\nexec ${ownCommand("part", program, "--").map(quoted).join(" ")} "$@"\n`
    if (contentOf(file) === script) continue
    mkdirSync(join(dir, "bin"), { recursive: true })
    const fresh = `${file}.${randomHex(6)}`
    writeFileSync(fresh, script, { mode: 0o755 })
    renameSync(fresh, file)
  }
}

/** `text` as one word of a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

// internal

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined
    throw error
  }
}
