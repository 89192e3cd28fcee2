import { showDuration } from "../../lib/duration.ts"

/** The place where the agent's commands run. This host's own, or a kitchen's. */
export interface Shell {
  /**
   * Runs one command in a shell of its own and resolves once it has ended, whichever way: a command that fails, hangs
   * or cannot be started is a result, never an exception. Nothing of its process group is left behind.
   */
  run(command: string, options: { timeout_ms: number; signal?: AbortSignal | undefined }): Promise<ShellResult>
}

export interface ShellResult {
  /** Null when a signal ended it, or when it never ran. */
  exit_code: number | null
  signal: string | null
  ended_by: "exit" | Interruption | "spawn_failed"
  /** Monotonic, from before the start to after the last byte. Zero when nothing was started. */
  duration_ms: number
  /** What the model sees: whole when short, else head and tail with the count of omitted bytes on a line between them. */
  shown: string
  /** What was printed, both streams in order, up to the cap, less secrets. */
  output: Uint8Array
  /** Bytes of all that was printed and read, less secrets. More than `output` holds when the cap was passed. */
  output_bytes: number
  /** Processes of the command's group that were still there when it had ended and were sent KILL. Left out when none. */
  left_running?: number
}

/** Why a command was ended before it ended itself. */
export type Interruption = "timeout" | "interrupted" | "output_limit"

/** How a command ended, in one line: "exit 0 in 1.2 s". */
export function describeEnd(result: ShellResult): string {
  const left = result.left_running ?? 0
  if (left === 0) return howItEnded(result)
  return `${howItEnded(result)}; ${left} ${left === 1 ? "process" : "processes"} left in its group killed`
}

// internal

function howItEnded(result: ShellResult): string {
  const took = showDuration(result.duration_ms)
  switch (result.ended_by) {
    case "exit":
      return result.signal === null ? `exit ${result.exit_code} in ${took}` : `killed by ${result.signal} after ${took}`
    case "timeout":
      return `timed out after ${took}; its process group was killed`
    case "interrupted":
      if (result.duration_ms === 0) return "interrupted before it started"
      return `interrupted after ${took}; its process group was killed`
    case "output_limit":
      return `stopped after ${took} for printing too much; its process group was killed`
    case "spawn_failed":
      return "could not be started"
    default:
      return result.ended_by satisfies never
  }
}
