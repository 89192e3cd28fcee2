import { chmodSync, lstatSync, mkdirSync } from "node:fs"
import { codeOf, EnvironmentError } from "./errors.ts"

/**
 * Makes a folder for this user alone in a place where everybody may make one, such as /tmp, or finds the one that this user has made
 * there. Throws an EnvironmentError for whatever else stands at its place: a link, or what others own or may write to.
 */
export function privateFolder(path: string): string {
  try {
    mkdirSync(path, { mode: 0o700 })
    // A umask may have taken more away.
    chmodSync(path, 0o700)
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error
    if (!isPrivateFolder(path)) {
      throw new EnvironmentError(`${path} is not a folder that only this user may use`, {
        hint: `ls -ld ${path} says whose it is; remove it`,
      })
    }
  }
  return path
}

/** Whether a folder is there, and only this user may use it. */
export function isPrivateFolder(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found?.isDirectory() === true && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0
}
