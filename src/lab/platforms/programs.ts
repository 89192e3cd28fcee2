import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ownCommand } from "../../lib/own-command.ts"

/** Services that ship inside this executable. A process lab has each on its PATH under its own name. */
const PROGRAMS = ["ratelimiter"]

/** Writes `bin/NAME` for each shipped program into a lab's folder. */
export function installPrograms(dir: string): void {
  mkdirSync(join(dir, "bin"), { recursive: true })
  for (const program of PROGRAMS) {
    const file = join(dir, "bin", program)
    writeFileSync(file, `#!/bin/sh\nexec ${ownCommand("part", program, "--").map(quoted).join(" ")} "$@"\n`)
    chmodSync(file, 0o755)
  }
}

/** `text` as one word of a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
