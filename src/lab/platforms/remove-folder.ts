import { rmSync } from "node:fs"
import { codeOf } from "../../lib/errors.ts"

/** Removes a folder with all that is in it. Whoever worked there may have taken the right to remove things from it. */
export function removeFolder(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true })
  } catch (error) {
    if (!["EACCES", "EPERM"].includes(codeOf(error) ?? "")) throw error
    Bun.spawnSync(["chmod", "-R", "u+rwX", dir])
    rmSync(dir, { recursive: true, force: true })
  }
}
