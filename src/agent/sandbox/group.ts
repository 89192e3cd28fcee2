import { readdirSync, readFileSync } from "node:fs"
import { waitUntil } from "../../lib/clock.ts"
import { codeOf } from "../../lib/errors.ts"
import { sendSignal } from "../../lib/process.ts"

/** Ends a process group: TERM, then KILL for whoever is still there after `grace_ms`. Returns as soon as nobody is. */
export async function endGroup(group: number, grace_ms: number): Promise<void> {
  signalGroup(group, "SIGTERM")
  // A stopped process takes the TERM only once it runs again.
  signalGroup(group, "SIGCONT")
  if (!(await groupEnds(group, grace_ms))) signalGroup(group, "SIGKILL")
}

/** Resolves true as soon as nobody is left in the group, false when `timeout_ms` has passed. */
export function groupEnds(group: number, timeout_ms: number): Promise<boolean> {
  return waitUntil(() => countLiving(group) === 0, { timeout_ms, every_ms: LOOK_EVERY_MS })
}

/** Sends KILL to what is left of a process group. Says how many processes that were; zombies don't count. */
export function killGroup(group: number): number {
  const living = countLiving(group)
  signalGroup(group, "SIGKILL")
  return living
}

// internal

/** Short beside the grace; long beside a look at every process of the host, which takes a few milliseconds. */
const LOOK_EVERY_MS = 20

/** False when there is nobody in the group, or nobody who may be signalled (all belong to root, by sudo). */
function signalGroup(group: number, name: NodeJS.Signals): boolean {
  try {
    return sendSignal(-group, name)
  } catch (error) {
    if (codeOf(error) === "EPERM") return false
    throw error
  }
}

function countLiving(group: number): number {
  if (isEmpty(group)) return 0
  const members = process.platform === "linux" ? membersInProc(group) : membersFromPs(group)
  return members.filter((state) => !/^[ZXx]/.test(state)).length
}

/** Cheap, and the usual case. A group that holds nothing but zombies is not empty. */
function isEmpty(group: number): boolean {
  try {
    process.kill(-group, 0)
    return false
  } catch (error) {
    return codeOf(error) === "ESRCH"
  }
}

/** The state letters of a group's processes, from fields 3 and 5 of /proc/PID/stat (proc(5)). */
function membersInProc(group: number): string[] {
  const states: string[] = []
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8")
      const [state, , its_group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 3)
      if (state !== undefined && its_group === String(group)) states.push(state)
    } catch (error) {
      if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ESRCH") throw error
    }
  }
  return states
}

function membersFromPs(group: number): string[] {
  const lines = Bun.spawnSync(["ps", "-A", "-o", "pgid=,stat="]).stdout.toString().split("\n")
  return lines
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([its_group, state]) => {
      return state !== undefined && its_group === String(group) ? [state] : []
    })
}
