import { join } from "node:path"
import { thisProcess } from "../../lib/process.ts"
import { RESIDENT_MARK, workerMark } from "./residents.ts"

/** What a command that runs in the folder of a lab is given: the shipped programs, and the mark by which it goes when the lab does. */
export function labEnvironment(dir: string): Record<string, string> {
  return {
    PATH: `${join(dir, "bin")}:${Bun.env.PATH ?? "/usr/local/bin:/usr/bin:/bin"}`,
    [RESIDENT_MARK]: dir,
    LANG: Bun.env.LANG ?? "C.UTF-8",
  }
}

/** For a command that this process waits for: should it die, whoever comes after it can tell what it has left running. */
export function commandEnvironment(dir: string): Record<string, string> {
  const [name, value] = workerMark(thisProcess())
  return { ...labEnvironment(dir), [name]: value }
}
