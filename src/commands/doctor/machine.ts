import { readFileSync } from "node:fs"
import { availableParallelism, freemem } from "node:os"
import { type Finding, missing, note, ok } from "./finding.ts"

/** A trial has some 40 files open, and each of its nodes as many connections as it is under load. */
const NEEDED_FILES = 256
/** What a trial takes with the next one parked at *ready*, and as much again for an agent's commands. */
const TRIAL_MEMORY_BYTES = 256 * 1024 ** 2
/** Above it, trials wait for the processor and not for their labs, and times to detect say more of the machine. */
const TRIALS_PER_CORE = 2

/** The limit that the nodes of a lab will have. */
export function checkOpenFiles(): Finding {
  if (Bun.which("sh") === null) return note("open files", "nobody to ask without a shell")
  const said = Bun.spawnSync(["sh", "-c", "ulimit -n"]).stdout.toString().trim()
  const limit = said === "unlimited" ? Infinity : Number(said)
  if (limit >= NEEDED_FILES) return ok("open files", `${said} a process`)
  return missing("open files", `${said} a process, and ${NEEDED_FILES} are needed`, "ulimit -n 4096")
}

/** How many trials may run at once before they disturb each other. */
export function checkMachine(): Finding {
  const cores = availableParallelism()
  const free_bytes = availableMemory()
  const parallel = Math.min(cores * TRIALS_PER_CORE, Math.floor(free_bytes / TRIAL_MEMORY_BYTES))
  const found = `${cores} ${cores === 1 ? "core" : "cores"}, ${Math.floor(free_bytes / 1024 ** 2)} MB of memory free`
  if (parallel >= 1) return ok("machine", `${found}: up to --parallel ${parallel}`)
  return note("machine", `${found}: little for even one trial`, "end something else first: ps aux --sort=-rss | head")
}

// internal

/** What a new process could have: the kernel's own estimate, within what a container is allowed. */
function availableMemory(): number {
  const allowed_bytes = process.constrainedMemory() || Infinity
  if (process.platform !== "linux") return Math.min(freemem(), allowed_bytes)
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]
  return Math.min(kib === undefined ? freemem() : Number(kib) * 1024, allowed_bytes)
}
