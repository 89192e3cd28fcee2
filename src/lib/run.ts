import { within } from "./clock.ts"
import { linesOf } from "./lines.ts"
import { sendSignal } from "./process.ts"

export interface RunOptions {
  cwd: string
  env: Record<string, string>
  timeout_ms: number
  /** What is printed beyond this is read and dropped, so that the command never blocks on a full pipe. */
  max_bytes: number
  stdin?: string | undefined
  signal?: AbortSignal | undefined
  /** Told of each line of both streams that is not blank, as it comes; what is returned then holds none of them. */
  onLine?: ((line: string) => void) | undefined
}

export interface RunResult {
  /** null when a signal ended it. */
  exit_code: number | null
  /** What went to stdout, then what went to stderr, each at most `max_bytes`. */
  output: string
  stdout: string
  stderr: string
  timed_out: boolean
}

/** After a command has ended, something that it left behind may still hold its pipes. */
const DRAIN_MS = 300
/** Longer lines are told in parts. */
const LINE_CHARACTERS = 10_000

/** Runs a command of the harness's own in its own process group, and ends the whole group at the time-out. */
export async function runBounded(command: string[], options: RunOptions): Promise<RunResult> {
  const child = Bun.spawn(command, {
    cwd: options.cwd,
    env: options.env,
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
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
  const streams = [child.stdout, child.stderr].map((stream) => read(stream, options))
  try {
    await child.exited
    await within(Promise.all(streams.map((stream) => stream.done)), { timeout_ms: DRAIN_MS })
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener("abort", end)
    await Promise.all(streams.map((stream) => stream.cancel()))
  }
  const [stdout, stderr] = streams.map((stream) => stream.text()) as [string, string]
  return { exit_code: child.exitCode, output: stdout + stderr, stdout, stderr, timed_out }
}

// internal

const readerOf = (stream: ReadableStream<Uint8Array>) => stream.getReader()
type Reader = ReturnType<typeof readerOf>

function read(stream: ReadableStream<Uint8Array>, { max_bytes, onLine }: RunOptions) {
  const reader = readerOf(stream)
  const chunks: Uint8Array[] = []
  const done = onLine ? tell(partsOf(reader), onLine) : keep(partsOf(reader), chunks, max_bytes)
  return { done, cancel: () => reader.cancel(), text: () => Buffer.concat(chunks).toString("utf8") }
}

async function tell(parts: AsyncIterable<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  for await (const line of linesOf(parts, { max_chars: LINE_CHARACTERS })) onLine(line)
}

async function keep(parts: AsyncIterable<Uint8Array>, chunks: Uint8Array[], max_bytes: number): Promise<void> {
  let kept = 0
  for await (const part of parts) {
    const room = part.subarray(0, Math.max(0, max_bytes - kept))
    kept += room.length
    if (room.length > 0) chunks.push(room)
  }
}

/** By its reader, so that it can be cancelled while somebody waits for the next part. */
async function* partsOf(reader: Reader): AsyncGenerator<Uint8Array> {
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value
}
