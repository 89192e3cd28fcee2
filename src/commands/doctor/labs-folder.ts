import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { codeOf, messageOf } from "../../lib/errors.ts"
import { labsFolder } from "../../lab/raise.ts"
import { type Finding, missing, ok } from "./finding.ts"
import { nearestFolder } from "./store.ts"

/** Whether the folder of the labs takes files that can be run, which a file system may forbid. Tries it, and clears up. */
export function checkLabsFolder(store: string): Finding {
  const folder = labsFolder({ file: store })
  let trial: string | undefined
  try {
    trial = mkdtempSync(join(nearestFolder(join(folder, "lab")), ".operator-doctor-"))
    const start = join(trial, "start")
    writeFileSync(start, "#!/bin/sh\nexit 0\n")
    chmodSync(start, 0o755)
    if (Bun.spawnSync([start]).success) return ok("labs", `${folder}: nodes can be started there`)
    return missing("labs", `${folder}: a script there does not run`, ELSEWHERE)
  } catch (error) {
    return missing("labs", `${folder}: a script there cannot be run: ${codeOf(error) ?? messageOf(error)}`, ELSEWHERE)
  } finally {
    if (trial !== undefined) rmSync(trial, { recursive: true, force: true })
  }
}

// internal

const ELSEWHERE = "labs lie beside the store: name one on a file system without noexec: --db FILE"
