import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { codeOf } from "../../lib/errors.ts"
import { identify, type ProcessId, signal } from "../../lib/process.ts"

/** The environment variable that says in which lab a process lives. Its value is the lab's folder. */
export const RESIDENT_MARK = "LAB"

/** A process may start another while it is being ended; each round finds what the one before left. */
const ROUNDS = 100
const ROUND_PAUSE_MS = 10

/**
 * The processes that live in a lab, whoever started them: those whose environment carries the lab's mark. On Linux also those
 * that have emptied their environment, when they work in the lab's folder and belong to no terminal: a person's shell does.
 */
export function residents(dir: string): ProcessId[] {
  const mark = `${RESIDENT_MARK}=${dir}`
  const pids = process.platform === "linux" ? pidsFromProc(mark, dir) : pidsFromPs(mark)
  return pids
    .filter((pid) => pid !== process.pid)
    .map(identify)
    .filter((id) => id !== undefined)
}

/** Ends every resident with SIGKILL, which stopped processes also obey. Returns how many there were. */
export async function endResidents(dir: string): Promise<number> {
  const ended = new Set<string>()
  for (let round = 0; round < ROUNDS; round++) {
    const left = residents(dir)
    if (left.length === 0) return ended.size
    for (const id of left) {
      signal(id, "SIGKILL")
      ended.add(`${id.pid} ${id.started}`)
    }
    await Bun.sleep(ROUND_PAUSE_MS)
  }
  throw new Error(
    `processes of ${dir} outlive SIGKILL: ${residents(dir)
      .map((id) => id.pid)
      .join(", ")}`,
  )
}

// internal

function pidsFromProc(mark: string, dir: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && (environmentOf(pid).includes(mark) || worksIn(pid, dir)))
}

function environmentOf(pid: number): string[] {
  return ofProcess(() => readFileSync(`/proc/${pid}/environ`, "utf8").split("\0")) ?? []
}

/** Whether it has its working directory in a folder, and no terminal (field 7 of /proc/PID/stat, proc(5)). */
function worksIn(pid: number, dir: string): boolean {
  const cwd = ofProcess(() => readlinkSync(`/proc/${pid}/cwd`))?.replace(/ \(deleted\)$/, "")
  if (cwd !== dir && !cwd?.startsWith(`${dir}/`)) return false
  const stat = ofProcess(() => readFileSync(`/proc/${pid}/stat`, "utf8"))
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[4] === "0"
}

function ofProcess<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    // Processes end while they are looked at (ENOENT, ESRCH), and those of other users are not ours (EACCES).
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(codeOf(error) ?? "")) return undefined
    throw error
  }
}

function pidsFromPs(mark: string): number[] {
  const lines = Bun.spawnSync(["ps", "-Axww", "-E", "-o", "pid=,command="]).stdout.toString().split("\n")
  return lines.filter((line) => line.split(" ").includes(mark)).map((line) => Number.parseInt(line, 10))
}
