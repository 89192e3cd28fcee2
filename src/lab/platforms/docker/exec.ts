import type { RunResult } from "../../../lib/run.ts"
import { type Engine, EngineRefusal } from "./engine.ts"
import { frameReader } from "./frames.ts"

export interface ExecOptions {
  timeout_ms: number
  max_bytes: number
  signal?: AbortSignal | undefined
}

/**
 * Runs a command in a container. At the time-out, or when the signal aborts, it is killed in there with all of its group: to
 * hang up would leave it running. Rejects when the container cannot run anything: it is down, paused, or without that program.
 */
export async function execIn(
  engine: Engine,
  container: string,
  command: readonly string[],
  options: ExecOptions,
): Promise<RunResult> {
  const exec = await create(engine, container, marked(command))
  const hangUp = new AbortController()
  const reader = frameReader({ max_bytes: options.max_bytes + MARK_BYTES })
  let [timed_out, over] = [false, false]
  const end = () => {
    if (over) return
    void killGroup(engine, container, pidIn(reader.text("out"))).finally(() =>
      setTimeout(() => hangUp.abort(), HANG_UP_MS),
    )
  }
  const timer = setTimeout(() => {
    timed_out = true
    end()
  }, options.timeout_ms)
  options.signal?.addEventListener("abort", end, { once: true })
  try {
    const body = { Detach: false, Tty: false }
    const stream = await engine.stream("POST", `/exec/${exec}/start`, { body, signal: hangUp.signal })
    if (options.signal?.aborted) end()
    for await (const part of stream) reader.take(part)
  } catch (error) {
    if (!hangUp.signal.aborted) throw error
  } finally {
    over = true
    clearTimeout(timer)
    options.signal?.removeEventListener("abort", end)
  }
  const state = await engine.request<{ ExitCode: number | null; Running: boolean }>("GET", `/exec/${exec}/json`)
  const [stdout, stderr] = [unmarked(reader.text("out")), reader.text("err")]
  const killed = timed_out || options.signal?.aborted === true || state?.Running === true
  return { exit_code: killed ? null : (state?.ExitCode ?? null), output: stdout + stderr, stdout, stderr, timed_out }
}

// internal

/** The number of the shell, and the line's end. */
const MARK_BYTES = 16
/** What was killed has closed its output by then, unless something else holds it. */
const HANG_UP_MS = 300

/** A command that says its number first, so that it can be killed from beside it; the shell makes way for it. */
function marked(command: readonly string[]): string[] {
  return ["sh", "-c", 'echo "$$"; exec "$@"', "sh", ...command]
}

function pidIn(stdout: string): number | undefined {
  const [, digits] = /^(\d+)\n/.exec(stdout) ?? []
  return digits === undefined ? undefined : Number(digits)
}

function unmarked(stdout: string): string {
  return stdout.replace(/^\d+\n/, "")
}

async function create(engine: Engine, container: string, Cmd: readonly string[]): Promise<string> {
  const body = { AttachStdout: true, AttachStderr: true, Cmd }
  const made = await engine.request<{ Id: string }>("POST", `/containers/${container}/exec`, { body })
  if (!made) throw new EngineRefusal(`the container ${container.slice(0, 12)} is gone`, 404)
  return made.Id
}

/** Whatever the engine runs in a container leads a session and a group of its own. */
async function killGroup(engine: Engine, container: string, pid: number | undefined): Promise<void> {
  if (pid === undefined) return
  try {
    // Without `--`, which the shell of Debian does not know.
    const exec = await create(engine, container, ["sh", "-c", `kill -KILL -${pid} || kill -KILL ${pid}`])
    await engine.request("POST", `/exec/${exec}/start`, { body: { Detach: true, Tty: false } })
  } catch {
    // The container has ended or is frozen, and the command with it.
  }
}
