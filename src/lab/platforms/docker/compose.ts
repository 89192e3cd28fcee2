import { EnvironmentError } from "../../../lib/errors.ts"
import { linesOf } from "../../../lib/lines.ts"
import { sendSignal } from "../../../lib/process.ts"
import { dockerEngine } from "./engine.ts"

export interface ComposeOptions {
  cwd: string
  env: Record<string, string>
  timeout_ms: number
  stdin?: string
  signal?: AbortSignal | undefined
  /** Told of each line of both streams that is not blank, as it comes; what is returned then holds none of them. */
  onLine?: (line: string) => void
}

export interface Composed {
  /** null when it was killed. */
  exit_code: number | null
  stdout: string
  /** What it said of a failure, in a few lines, without its progress. */
  said: string
  timed_out: boolean
}

/** Runs `docker compose`, and ends it with all that it has started at the time-out or when the signal aborts. */
export function compose(words: readonly string[], options: ComposeOptions): Promise<Composed> {
  return docker(["compose", "--ansi", "never", ...words], options)
}

/** Runs the Docker client, as `compose` does. Rejects with an EnvironmentError when there is none, or it has no Compose. */
export async function docker(words: readonly string[], options: ComposeOptions): Promise<Composed> {
  const child = Bun.spawn(["docker", ...words], {
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
  try {
    const read = (stream: ReadableStream<Uint8Array>) =>
      options.onLine ? tellLines(stream, options.onLine) : stream.text()
    const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)])
    await child.exited
    if (NO_COMPOSE.test(stderr)) {
      throw new EnvironmentError("the docker command has no Compose, version 2", {
        hint: "install docker-compose-plugin, or docker-compose version 2 or later; docker compose version must answer",
      })
    }
    return { exit_code: child.exitCode, stdout, said: inShort(stderr), timed_out }
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener("abort", end)
  }
}

/**
 * The environment of the Docker client: this process's own, since files may name variables of it; but no key of a model, and
 * nothing that would have it work on another project or another engine than ours.
 */
export function composeEnvironment(more: Record<string, string> = {}): Record<string, string> {
  const own = Object.entries(Bun.env).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && !NOT_PASSED_ON.test(pair[0]),
  )
  return { ...Object.fromEntries(own), DOCKER_HOST: dockerEngine().host, COMPOSE_MENU: "false", ...more }
}

// internal

const NOT_PASSED_ON = /^(?:ANTHROPIC_.*|COMPOSE_.*|BUN_OPTIONS|BUN_BE_BUN|DOCKER_CONTEXT)$/

const NO_COMPOSE = /'compose' is not a docker command|unknown shorthand flag: 'p' in -p|unknown flag: --ansi/

/** What Compose says while all goes well. */
const PROGRESS =
  /^\s*(?:Container|Network|Volume|Image)?\s*\S+\s+(?:Creating|Created|Starting|Started|Waiting|Healthy|Running|Recreate|Recreated|Pulling|Pulled|Exists|Building|Built|Stopping|Stopped|Removing|Removed)\s*$/

/** Longer lines are told in parts. */
const LINE_CHARACTERS = 10_000

async function tellLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<""> {
  for await (const line of linesOf(stream, { max_chars: LINE_CHARACTERS })) onLine(line)
  return ""
}

const SAID_LINES = 6
const SAID_CHARACTERS = 1_000

function inShort(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !PROGRESS.test(line))
  return lines.slice(-SAID_LINES).join("\n").slice(-SAID_CHARACTERS).trim()
}
