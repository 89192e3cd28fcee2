import { mkdtempSync, rmdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { codeOf } from "../../../lib/errors.ts"
import { sha256 } from "../../../lib/ids.ts"
import { isPrivateFolder, privateFolder } from "../../../lib/private-folder.ts"

/**
 * The folder on this host for what a lab's kitchen mounts: the scoped socket and the Compose file. Its name follows from the lab's own
 * folder, so whoever destroys the lab finds it, and it can be read in the kitchen, so it says nothing. Not below the lab's own
 * folder, which may be too deep for a socket, and not by TMPDIR, which the guardian may have from elsewhere.
 */
export function kitchenFolder(lab_dir: string): string {
  return join("/tmp", `lab-${sha256(lab_dir).slice(0, NAME_DIGITS)}`)
}

/** A new folder within it for one kitchen: a session that is slow to end takes nothing from the next one. */
export function makeKitchenFolder(lab_dir: string): string {
  return mkdtempSync(`${privateFolder(kitchenFolder(lab_dir))}/`)
}

/** Removes the folder of one kitchen, and the lab's when it was the last. */
export function removeKitchenFolder(lab_dir: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  try {
    rmdirSync(kitchenFolder(lab_dir))
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(codeOf(error) ?? "")) throw error
  }
}

/** Removes all that kitchens of the lab have left. What somebody else has put there is left alone. */
export function removeKitchenFolders(lab_dir: string): void {
  const folder = kitchenFolder(lab_dir)
  if (isPrivateFolder(folder)) rmSync(folder, { recursive: true, force: true })
}

// internal

const NAME_DIGITS = 12
