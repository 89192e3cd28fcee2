import { join } from "node:path"
import { RESIDENT_MARK } from "./residents.ts"

/** What a command that runs in the folder of a lab is given: the shipped programs, and the mark by which it goes when the lab does. */
export function labEnvironment(dir: string): Record<string, string> {
  return {
    PATH: `${join(dir, "bin")}:${Bun.env.PATH ?? "/usr/local/bin:/usr/bin:/bin"}`,
    [RESIDENT_MARK]: dir,
    LANG: Bun.env.LANG ?? "C.UTF-8",
  }
}
