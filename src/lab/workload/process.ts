import { within } from "../../lib/clock.ts"
import type { Lab } from "../lab.ts"

/** Beyond the subject's own time-out: what is left to write the last second, before the process is killed. */
const STOP_GRACE_MS = 2_000
/** The end of what the process said on stderr: enough for an error with its stack. */
const MESSAGE_CHARS = 4_096
/** Something else may hold the pipe after the process has ended. */
const DRAIN_MS = 300

export interface WorkloadEnd {
  /** null when a signal ended it. */
  exit_code: number | null
  /** The end of its stderr; nothing for one that outlives its owner. */
  message: string
}

export interface WorkloadProcess {
  readonly pid: number
  readonly exited: Promise<WorkloadEnd>
  /** Lets it answer for what is on its way and write its last second; kills it when that takes too long. */
  stop(): Promise<WorkloadEnd>
}

/**
 * Starts the process that loads a lab. It belongs to the lab and is ended with it. Its stdin is a lifeline: `command`
 * is expected to hold it (`lib/lifeline.ts`) and to end with it. With `outlives_owner` there is no lifeline, and `command` must
 * know that by a flag of its own. The environment is the lab's alone, so that no credential of the owner's gets there.
 */
export function startWorkload(lab: Lab, options: { command: string[]; outlives_owner?: boolean }): WorkloadProcess {
  const outlives = options.outlives_owner ?? false
  const child = Bun.spawn(options.command, {
    cwd: process.cwd(),
    env: lab.environment(),
    stdin: outlives ? "ignore" : "pipe",
    stdout: "ignore",
    stderr: outlives ? "ignore" : "pipe",
    // Ctrl-C reaches every process of the terminal's group; this one ends when its owner says so.
    detached: true,
  })
  if (outlives) child.unref()
  const said = lastOf(child.stderr)
  const exited = child.exited.then(async () => {
    await within(said.done, { timeout_ms: DRAIN_MS })
    return { exit_code: child.exitCode, message: said.text() }
  })
  return {
    pid: child.pid,
    exited,
    stop: async () => {
      child.kill("SIGTERM")
      const grace_ms = (lab.subject.workload?.timeout ?? 0) + STOP_GRACE_MS
      const timer = setTimeout(() => child.kill("SIGKILL"), grace_ms)
      return exited.finally(() => clearTimeout(timer))
    },
  }
}

// internal

/** Reads a stream to its end, so that nobody blocks on a full pipe, and remembers the last `MESSAGE_CHARS`. */
function lastOf(stream: ReadableStream<Uint8Array> | undefined): { done: Promise<void>; text: () => string } {
  let text = ""
  const read = async () => {
    const decoder = new TextDecoder()
    for await (const chunk of stream ?? []) {
      text = (text + decoder.decode(chunk, { stream: true })).slice(-MESSAGE_CHARS)
    }
  }
  return { done: read(), text: () => text }
}
