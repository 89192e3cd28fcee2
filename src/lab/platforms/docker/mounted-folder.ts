import { mkdtempSync, rmdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { codeOf } from "../../../lib/errors.ts"
import { sha256 } from "../../../lib/ids.ts"
import { isPrivateFolder, privateFolder } from "../../../lib/private-folder.ts"
import { removeFolder } from "../remove-folder.ts"

/**
 * The folder on this host for what a lab's containers mount: the files of its subject, the scoped socket and the Compose file of its
 * kitchen. Its name follows from the lab's own folder, so whoever destroys the lab finds it, and it can be read in a container, so it
 * says nothing. Not below the lab's own folder, which may be too deep for a socket and says where the harness lives, and not by
 * TMPDIR, which the guardian may have from elsewhere.
 */
export function mountedFolder(lab_dir: string): string {
  return join("/tmp", `lab-${sha256(lab_dir).slice(0, NAME_DIGITS)}`)
}

/** Makes it, where it is not there yet. */
export function makeMountedFolder(lab_dir: string): string {
  return privateFolder(mountedFolder(lab_dir))
}

/** A new folder within it for one kitchen: a session that is slow to end takes nothing from the next one. */
export function makeKitchenFolder(lab_dir: string): string {
  return mkdtempSync(`${makeMountedFolder(lab_dir)}/`)
}

/** Removes the folder of one kitchen, and the lab's when nothing else is in it. */
export function removeKitchenFolder(lab_dir: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  try {
    rmdirSync(mountedFolder(lab_dir))
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(codeOf(error) ?? "")) throw error
  }
}

/** Removes it with all that is in it. What somebody else has put at its place is left alone. */
export function removeMountedFolder(lab_dir: string): void {
  const folder = mountedFolder(lab_dir)
  if (isPrivateFolder(folder)) removeFolder(folder)
}

// internal

const NAME_DIGITS = 12
