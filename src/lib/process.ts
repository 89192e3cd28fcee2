import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { codeOf } from "./errors.ts"

/** A process by pid and start time, so that a reused pid is never taken for it. */
export interface ProcessId {
  pid: number
  /** Clock ticks since boot on Linux (field 22 of /proc/PID/stat, proc(5)); the text of `ps -o lstart=` elsewhere. */
  started: string
}

export type ProcessState = "running" | "stopped" | "gone"

/** Who `pid` is now; undefined when nobody is, or only a zombie. */
export function identify(pid: number): ProcessId | undefined {
  const stat = readStat(pid)
  return stat && stat.state !== "gone" ? { pid, started: stat.started } : undefined
}

export function thisProcess(): ProcessId {
  const self = identify(process.pid)
  if (!self) throw new Error("this process cannot find itself in the process table")
  return self
}

/** What became of this very process. A zombie is gone. */
export function stateOf(id: ProcessId): ProcessState {
  const stat = readStat(id.pid)
  return stat && stat.started === id.started ? stat.state : "gone"
}

/** Sends a signal to exactly this process. False when it is gone. Errors other than that are thrown (EPERM). */
export function signal(id: ProcessId, name: NodeJS.Signals): boolean {
  return stateOf(id) !== "gone" && sendSignal(id.pid, name)
}

/** Sends a signal to a pid, or to a process group when negative. False when there is none (ESRCH). */
export function sendSignal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name)
    return true
  } catch (error) {
    if (codeOf(error) === "ESRCH") return false
    throw error
  }
}

/** How many processes of a process group live. Zombies don't. Looks at every process of the machine, which takes milliseconds. */
export function livingInGroup(group: number): number {
  const members = process.platform === "linux" ? groupFromProc(group) : groupFromPs(group)
  return members.filter((state) => state !== "gone").length
}

/** A process as it is kept on record, for all time: by `bootId`, pid and start time. */
export interface ProcessRecord {
  boot: string | null
  pid: number | null
  started: string | null
}

/**
 * What became of the very process that a record names. `unseen`: its pid is of another namespace (pid_namespaces(7)), so it says
 * nothing here, whoever has that pid: of a process on the host to a container, for instance.
 */
export function fateOf({ boot, pid, started }: ProcessRecord): "alive" | "dead" | "unseen" {
  if (boot === null || pid === null || started === null) return "dead"
  if (boot === bootId()) return stateOf({ pid, started }) === "gone" ? "dead" : "alive"
  return withoutNamespace(boot) === withoutNamespace(bootId()) ? "unseen" : "dead"
}

/** Whether the process that a record names is seen to live. */
export function isAlive(record: ProcessRecord): boolean {
  return fateOf(record) === "alive"
}

let boot: string | undefined
/** Changes with each boot of the machine. Where pids are not the machine's own, as in a container, it also says whose they are. */
export function bootId(): string {
  boot ??=
    process.platform === "linux"
      ? [readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(), ...pidNamespace()].join(" ")
      : ps(1).started
  return boot
}

// internal

/** The kernel's constant name of the machine's own namespace of pids (PROC_PID_INIT_INO). */
const MACHINE_PIDS = "pid:[4026531836]"

const withoutNamespace = (boot: string) => boot.replace(/ pid:\[\d+\]$/, "")

/** The namespace in which this process has its pid, unless that is the machine's own. */
function pidNamespace(): string[] {
  const name = readlinkSync("/proc/self/ns/pid")
  return name === MACHINE_PIDS ? [] : [name]
}

function readStat(pid: number): { state: ProcessState; started: string } | undefined {
  if (process.platform === "linux") return readProcStat(pid)
  const found = ps(pid)
  return found.started === "" ? undefined : { state: stateFromLetter(found.state), started: found.started }
}

/** Fields 3, 5 and 22 of /proc/PID/stat (proc(5)). */
function readProcStat(pid: number): { state: ProcessState; group: number; started: string } | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return undefined
    throw error
  }
  // The second field is the name in brackets and may hold anything; all others follow the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return { state: stateFromLetter(fields[0] ?? ""), group: Number(fields[2]), started: fields[19] ?? "" }
}

function stateFromLetter(letter: string): ProcessState {
  if (letter.startsWith("T") || letter.startsWith("t")) return "stopped"
  return /^[ZXx]/.test(letter) ? "gone" : "running"
}

function groupFromProc(group: number): ProcessState[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcStat(Number(name)))
    .flatMap((stat) => (stat?.group === group ? [stat.state] : []))
}

function groupFromPs(group: number): ProcessState[] {
  const lines = Bun.spawnSync(["ps", "-A", "-o", "pgid=,stat="]).stdout.toString().split("\n")
  return lines
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([its_group, letter]) =>
      letter !== undefined && Number(its_group) === group ? [stateFromLetter(letter)] : [],
    )
}

function ps(pid: number): { state: string; started: string } {
  const output = Bun.spawnSync(["ps", "-o", "stat=,lstart=", "-p", String(pid)])
    .stdout.toString()
    .trim()
  const space = output.indexOf(" ")
  return { state: output.slice(0, space), started: output.slice(space + 1).trim() }
}
