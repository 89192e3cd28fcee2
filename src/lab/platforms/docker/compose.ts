import { EnvironmentError } from "../../../lib/errors.ts"
import { runBounded, type RunOptions, type RunResult } from "../../../lib/run.ts"
import { dockerEngine } from "./engine.ts"

export type ComposeOptions = Omit<RunOptions, "max_bytes">

export interface Composed extends Pick<RunResult, "exit_code" | "stdout" | "timed_out"> {
  /** What it said of a failure, in a few lines, without its progress. */
  said: string
}

/** Runs `docker compose`, and ends it with all that it has started at the time-out or when the signal aborts. */
export function compose(words: readonly string[], options: ComposeOptions): Promise<Composed> {
  return docker(["compose", "--ansi", "never", ...words], options)
}

/** Runs the Docker client, as `compose` does. Rejects with an EnvironmentError when there is none, or it has no Compose. */
export async function docker(words: readonly string[], options: ComposeOptions): Promise<Composed> {
  const { exit_code, stdout, stderr, timed_out } = await runBounded(["docker", ...words], {
    ...options,
    max_bytes: OUTPUT_BYTES,
  })
  if (NO_COMPOSE.test(stderr)) {
    throw new EnvironmentError("the docker command has no Compose, version 2", {
      hint: "install docker-compose-plugin, or docker-compose version 2 or later; docker compose version must answer",
    })
  }
  return { exit_code, stdout, said: inShort(stderr), timed_out }
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

/** A Compose file in full, of many services with their configurations, has some hundred kilobytes. */
const OUTPUT_BYTES = 16 * 1024 * 1024

const SAID_LINES = 6
const SAID_CHARACTERS = 1_000

function inShort(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !PROGRESS.test(line))
  return lines.slice(-SAID_LINES).join("\n").slice(-SAID_CHARACTERS).trim()
}
