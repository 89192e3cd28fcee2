import { closeSync } from "node:fs"
import { systemClock, within } from "../../lib/clock.ts"
import { messageOf } from "../../lib/errors.ts"
import { Capture, type CaptureLimits } from "./capture.ts"
import { childEnvironment, credentialsIn } from "./environment.ts"
import { endGroup, groupEnds, killGroup } from "./group.ts"
import { openPipe } from "./pipe.ts"
import { redactor, type Redactor } from "./redact.ts"
import type { Interruption, Shell, ShellResult } from "./shell.ts"

export interface LocalShellOptions {
  cwd: string
  /** Added to the scrubbed environment of the harness, and taken as it is. */
  env: Record<string, string>
  limits?: Partial<LocalShellLimits>
  /** Values that no output may hold, beside the harness's own credentials. Those under 8 characters are left alone. */
  secrets?: string[]
}

export interface LocalShellLimits extends CaptureLimits {
  /** Between TERM and KILL. */
  grace_ms: number
  /** After the command's end: for what it left in the background to finish printing, to end, or to leave by `setsid`. */
  linger_ms: number
}

/**
 * A shell on this very host: `bash -c`, in a session of its own, stdin from /dev/null, no terminal, both streams in one
 * pipe. It waits for the command's end, not for the pipe's, which a background process may hold for ever. Then the rest
 * of the process group is killed; what was started with `setsid` lives on.
 */
export function localShell(place: LocalShellOptions): Shell {
  const limits = { ...LIMITS, ...place.limits }
  const env = childEnvironment(process.env, place.env)
  const secrets = [...credentialsIn(process.env), ...(place.secrets ?? [])]
  return {
    async run(command, options) {
      if (options.signal?.aborted) return notStarted("interrupted", "")
      const started_ms = systemClock.mono_ms()
      const capture = new Capture(limits)
      let child: Child
      try {
        child = start(command, place.cwd, env)
      } catch (error) {
        return notStarted("spawn_failed", `bash could not be started in ${place.cwd}: ${messageOf(error)}\n`)
      }
      const end = await follow(child, { capture, redact: redactor(secrets) }, { ...limits, ...options })
      return {
        ...end,
        duration_ms: systemClock.mono_ms() - started_ms,
        shown: capture.shown(),
        output: capture.output(),
        output_bytes: capture.total_bytes,
      }
    },
  }
}

// internal

const LIMITS: LocalShellLimits = {
  grace_ms: 2_000,
  // Enough for `> >(tee log)` to flush and for `setsid` to be started, too short to be felt.
  linger_ms: 300,
  kept_bytes: 64 * 1024 * 1024,
  head_bytes: 8 * 1024,
  tail_bytes: 8 * 1024,
}

/** A process that KILL does not end waits for a device, perhaps for ever. The agent is not to wait with it. */
const REAP_MS = 1_000

interface Child {
  bash: Bun.Subprocess
  output_fd: number
}

function start(command: string, cwd: string, env: Record<string, string>): Child {
  const pipe = openPipe()
  try {
    const bash = Bun.spawn(["bash", "-c", "--", command], {
      cwd,
      env,
      stdio: ["ignore", pipe.write_fd, pipe.write_fd],
      detached: true,
    })
    return { bash, output_fd: pipe.read_fd }
  } catch (error) {
    closeSync(pipe.read_fd)
    throw error
  } finally {
    closeSync(pipe.write_fd)
  }
}

interface Reader {
  /** Without a value at the end. */
  read(): Promise<{ value?: Uint8Array | undefined }>
}

interface Sink {
  capture: Capture
  redact: Redactor
}

type End = Pick<ShellResult, "exit_code" | "signal" | "ended_by" | "left_running">

type Bounds = LocalShellLimits & { timeout_ms: number; signal?: AbortSignal | undefined }

/** From the start of a command to the last of its output, with nothing left behind, whatever happens. */
async function follow(child: Child, sink: Sink, bounds: Bounds): Promise<End> {
  const { bash, output_fd } = child
  const reader = Bun.file(output_fd).stream().getReader()
  const interruption = Promise.withResolvers<Interruption>()
  const reading = readAll(reader, sink, () => interruption.resolve("output_limit"))
  let ended_by: "exit" | Interruption
  let left_running = 0
  try {
    ended_by = await untilEnd(bash, reading, interruption, bounds)
    await within(Promise.all([reading, groupEnds(bash.pid, bounds.linger_ms)]), { timeout_ms: bounds.linger_ms })
  } finally {
    left_running = killGroup(bash.pid)
    // One that cannot be killed must not keep the harness from ending.
    bash.unref()
    await reader.cancel()
    closeSync(output_fd)
  }
  await reading
  const signal = bash.signalCode === null ? null : String(bash.signalCode)
  return { exit_code: bash.exitCode, signal, ended_by, ...(left_running > 0 && { left_running }) }
}

/** Waits for the command's own end, and brings it about when it is time. */
async function untilEnd(
  bash: Bun.Subprocess,
  reading: Promise<void>,
  interruption: PromiseWithResolvers<Interruption>,
  bounds: Bounds,
): Promise<"exit" | Interruption> {
  const timer = setTimeout(() => interruption.resolve("timeout"), bounds.timeout_ms)
  const interrupt = () => interruption.resolve("interrupted")
  bounds.signal?.addEventListener("abort", interrupt, { once: true })
  try {
    const exit = bash.exited.then(() => "exit" as const)
    // The end of the reading is awaited for its failure alone: the pipe may end long before the command.
    const ended_by = await Promise.race([exit, interruption.promise, reading.then(() => exit)])
    if (ended_by === "exit") return ended_by
    await endGroup(bash.pid, bounds.grace_ms)
    await within(exit, { timeout_ms: REAP_MS })
    return ended_by
  } finally {
    clearTimeout(timer)
    bounds.signal?.removeEventListener("abort", interrupt)
  }
}

/** Reads to the end of the pipe, or until the reader is cancelled. Never pauses, or the command would stall. */
async function readAll(reader: Reader, { capture, redact }: Sink, onOverflow: () => void): Promise<void> {
  while (true) {
    const { value: chunk } = await reader.read()
    if (chunk === undefined) break
    capture.add(redact.push(chunk))
    if (capture.overflowed) onOverflow()
  }
  capture.add(redact.end())
}

function notStarted(ended_by: "interrupted" | "spawn_failed", shown: string): ShellResult {
  const nothing = new Uint8Array(0)
  return { exit_code: null, signal: null, ended_by, duration_ms: 0, shown, output: nothing, output_bytes: 0 }
}
