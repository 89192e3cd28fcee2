import { arch, platform, release } from "node:os"
import { VERSION } from "../../lib/version.ts"
import { type Finding, missing, note, ok } from "./finding.ts"

/** Which operator this is, and whether process labs were made for such a machine. */
export function checkProgram(): Finding {
  const from = Bun.isStandaloneExecutable ? "compiled" : "from its sources"
  const found = `${VERSION} ${from}, Bun ${Bun.version}, ${platform()} ${release()} ${arch()}`
  if (process.platform === "linux") return ok("operator", found)
  if (process.platform === "darwin") return note("operator", `${found}; process labs are tested on Linux only`)
  return missing(
    "operator",
    `${found}; process labs need Linux or macOS, audit and eval work here too`,
    "run it inside Linux; on Windows that is: wsl --install",
  )
}
