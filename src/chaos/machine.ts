import type { Lab, Node } from "../lab/lab.ts"
import { sameProcess } from "../lab/platforms/docker/containers.ts"
import { containersOf, help, incarnation } from "../lab/platforms/docker/helper.ts"
import { OperatorError } from "../lib/errors.ts"

/**
 * Sends a signal to the first process of a container from outside of it, past the engine: the engine takes it for what the process
 * has done by itself. False when the process is not the one that `node` names any longer.
 */
export async function signalFromOutside(lab: Lab, node: Node, signal: "KILL" | "STOP" | "CONT"): Promise<boolean> {
  return (await beside(lab, node, (pid) => `kill -${signal} ${pid} && echo done`)) === "done"
}

/** Whether the first process of a container is stopped. Undefined when it is gone. */
export async function isStopped(lab: Lab, node: Node): Promise<boolean | undefined> {
  const state = await beside(lab, node, (pid) => `awk '{ sub(/.*\\) /, ""); print $1 }' /proc/${pid}/stat`)
  return state === undefined ? undefined : state === "T"
}

// internal

const TIMEOUT_MS = 5_000

async function beside(lab: Lab, node: Node, script: (pid: number) => string): Promise<string | undefined> {
  const now = (await containersOf(lab.id)).find(({ name }) => name === node.name)
  if (!now?.process || !sameProcess(now.process, node.process)) return undefined
  const { stdout, output, exit_code } = await help(lab.id, incarnation(now), script(now.process.pid), {
    share: "machine",
    timeout_ms: TIMEOUT_MS,
  })
  if (exit_code === 0) return stdout.trim()
  throw new OperatorError(`the process of ${node.name}: ${output.trim()}`)
}
