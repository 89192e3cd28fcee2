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

/** The folders directly below `parent` of which processes carry the mark: labs, whether or not anybody knows of them. */
export function residentsBelow(parent: string): string[] {
  const mark = `${RESIDENT_MARK}=${parent}/`
  const marked = process.platform === "linux" ? marksFromProc() : marksFromPs()
  const names = marked.filter((one) => one.startsWith(mark)).map((one) => one.slice(mark.length))
  return [...new Set(names)].filter((name) => name !== "" && !name.includes("/")).map((name) => `${parent}/${name}`)
}

/** The environment variable that says which process waits for a command, and its value. */
export function workerMark({ pid, started }: ProcessId): [name: string, value: string] {
  return ["BY", `${pid}-${started.replaceAll(" ", "_")}`]
}

/** Ends the commands in a lab for which a process was waiting, after it has died. */
export function endCommandsOf(worker: ProcessId, dir: string): void {
  const mark = workerMark(worker).join("=")
  const marked = new Set(process.platform === "linux" ? pidsFromProc(mark) : pidsFromPs(mark))
  for (const id of residents(dir)) if (marked.has(id.pid)) signal(id, "SIGKILL")
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

function pidsFromProc(mark: string, dir?: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && (environmentOf(pid).includes(mark) || (dir !== undefined && worksIn(pid, dir))))
}

function marksFromProc(): string[] {
  const pids = readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
  return pids.flatMap((pid) => environmentOf(pid).find((one) => one.startsWith(`${RESIDENT_MARK}=`)) ?? [])
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

function psLines(): string[] {
  return Bun.spawnSync(["ps", "-Axww", "-E", "-o", "pid=,command="]).stdout.toString().split("\n")
}

function marksFromPs(): string[] {
  return psLines().flatMap((line) => line.split(" ").find((word) => word.startsWith(`${RESIDENT_MARK}=`)) ?? [])
}

function pidsFromPs(mark: string): number[] {
  const lines = psLines()
  return lines.filter((line) => line.split(" ").includes(mark)).map((line) => Number.parseInt(line, 10))
}
