import { waitUntil } from "../../lib/clock.ts"
import { codeOf } from "../../lib/errors.ts"
import { livingInGroup, sendSignal } from "../../lib/process.ts"

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
  return isEmpty(group) ? 0 : livingInGroup(group)
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
