import { within } from "./clock.ts"
import { sendSignal } from "./process.ts"

export interface RunOptions {
  cwd: string
  env: Record<string, string>
  timeout_ms: number
  /** What is printed beyond this is read and dropped, so that the command never blocks on a full pipe. */
  max_bytes: number
  signal?: AbortSignal | undefined
}

export interface RunResult {
  /** null when a signal ended it. */
  exit_code: number | null
  /** What went to stdout, then what went to stderr, each at most `max_bytes`. */
  output: string
  stdout: string
  timed_out: boolean
}

/** After a command has ended, something that it left behind may still hold its pipes. */
const DRAIN_MS = 300

/** Runs a command of the harness's own in its own process group, and ends the whole group at the time-out. */
export async function runBounded(command: string[], options: RunOptions): Promise<RunResult> {
  const child = Bun.spawn(command, {
    cwd: options.cwd,
    env: options.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  })
  let timed_out = false
  const end = () => sendSignal(-child.pid, "SIGKILL")
  const timer = setTimeout(() => {
    timed_out = true
    end()
  }, options.timeout_ms)
  options.signal?.addEventListener("abort", end, { once: true })
  if (options.signal?.aborted) end()
  const streams = [collect(child.stdout, options.max_bytes), collect(child.stderr, options.max_bytes)]
  try {
    await child.exited
    await within(Promise.all(streams.map((stream) => stream.done)), { timeout_ms: DRAIN_MS })
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener("abort", end)
    await Promise.all(streams.map((stream) => stream.cancel()))
  }
  const [stdout, stderr] = streams.map((stream) => stream.text()) as [string, string]
  return { exit_code: child.exitCode, output: stdout + stderr, stdout, timed_out }
}

// internal

function collect(stream: ReadableStream<Uint8Array>, max_bytes: number) {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let kept = 0
  const done = (async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const room = part.value.subarray(0, Math.max(0, max_bytes - kept))
      kept += room.length
      if (room.length > 0) chunks.push(room)
    }
  })()
  return { done, cancel: () => reader.cancel(), text: () => Buffer.concat(chunks).toString("utf8") }
}
