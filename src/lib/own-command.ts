import { join } from "node:path"

/** The command line that runs this very program again with other words, compiled or from its sources. */
export function ownCommand(...words: string[]): string[] {
  return Bun.isStandaloneExecutable
    ? [process.execPath, ...words]
    : [process.execPath, join(import.meta.dir, "..", "cli.ts"), ...words]
}
