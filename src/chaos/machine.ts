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

/**
 * How many processes of a container have `mark` for a word of their command. One that a SIGKILL is waiting for, in a container that is
 * frozen, does nothing any more, and does not count. Undefined when the container's first process is gone.
 */
export async function countMarked(lab: Lab, node: Node, mark: string): Promise<number | undefined> {
  const count = await beside(lab, node, (pid) => `${eachMarked(pid, [mark], "echo $one")} | wc -l`)
  return count === undefined ? undefined : Number(count)
}

/** Ends those that have one of the marks, with all of their groups. Works while the container is frozen. */
export async function endMarked(lab: Lab, node: Node, marks: readonly string[]): Promise<void> {
  const end = (pid: number) => `group=$(awk '{ sub(/.*\\) /, ""); print $3 }' /proc/$one/stat)
      [ "\${group:-${pid}}" = ${pid} ] || kill -KILL -- -$group
      kill -KILL $one`
  await beside(lab, node, (pid) => `{ ${eachMarked(pid, marks, end(pid))}; } 2>/dev/null; true`)
}

// internal

const TIMEOUT_MS = 5_000

/** Those in the same cgroup as the first process: whatever the engine runs in a container is put there. */
function eachMarked(pid: number, marks: readonly string[], command: string): string {
  const words = marks.map((mark) => `-e '${mark}'`).join(" ")
  return `for file in $(grep -lszxF ${words} /proc/[0-9]*/cmdline); do
      one=\${file#/proc/}; one=\${one%/cmdline}
      cmp -s /proc/${pid}/cgroup /proc/$one/cgroup || continue
      grep -qsE '^(SigPnd|ShdPnd):\\s+[0-9a-f]+[13579bdf]..$' /proc/$one/status && continue
      ${command}
    done`
}

async function beside(lab: Lab, node: Node, script: (pid: number) => string): Promise<string | undefined> {
  const now = (await containersOf(lab.id)).find(({ name }) => name === node.name)
  if (!now?.process || !sameProcess(now.process, node.process)) return undefined
  const { stdout, output, exit_code } = await help(lab.id, incarnation(now), script(now.process.pid), {
    share: "machine",
    timeout_ms: TIMEOUT_MS,
  })
  if (exit_code === 0) return stdout.trim()
  throw new OperatorError(`the processes of ${node.name}: ${output.trim()}`)
}
