import { codeOf, messageOf } from "../../lib/errors.ts"
import { identify } from "../../lib/process.ts"
import { type Finding, missing, note, ok } from "./finding.ts"

/** What a node's `start` and the agent's shell call; elsewhere than on Linux `ps` stands in for /proc. */
const NEEDED = [
  "sh",
  "bash",
  "env",
  "cat",
  "grep",
  "rm",
  "sleep",
  "tail",
  ...(process.platform === "linux" ? [] : ["ps"]),
]

const INSTALL = "apt-get install bash coreutils grep util-linux; apk add takes the same names"

/** The POSIX tools of which process labs are made. */
export function checkShell(): Finding {
  const lacking = NEEDED.filter((tool) => Bun.which(tool) === null)
  if (Bun.which("setsid") === null && Bun.which("perl") === null) lacking.push("setsid or perl")
  if (lacking.length > 0) return missing("shell", `not on the PATH: ${lacking.join(", ")}`, INSTALL)
  if (Bun.which("flock") !== null) return ok("shell", "sh, bash and what they need")
  return note("shell", "no flock: two starts of one node at once may collide", INSTALL)
}

/** Whether this process sees itself in the process table, as each lab sees its nodes. */
export function checkProcessTable(): Finding {
  const source = process.platform === "linux" ? "/proc" : "ps"
  try {
    if (identify(process.pid)) return ok("processes", `${source} shows them`)
    return missing("processes", `${source} does not show this very process`, MOUNT)
  } catch (error) {
    return missing("processes", `${source} cannot be read: ${codeOf(error) ?? messageOf(error)}`, MOUNT)
  }
}

// internal

const MOUNT = "as root: mount -t proc proc /proc"
