import { bootId, isAlive, thisProcess } from "../../../lib/process.ts"

/** Says which process uses a container that outlives it, when it is killed. */
const OWNER_LABEL = "owner"

/** For what this process makes. */
export function ownerLabel(): Record<string, string> {
  const { pid, started } = thisProcess()
  return { [OWNER_LABEL]: JSON.stringify([bootId(), pid, started]) }
}

/** Whether the process that has made something with these labels lives. Nobody does for what has no such label. */
export function ownerLives(labels: Record<string, string>): boolean {
  const text = labels[OWNER_LABEL]
  if (text === undefined) return false
  const [boot, pid, started] = JSON.parse(text) as [string, number, string]
  return isAlive({ boot, pid, started })
}
