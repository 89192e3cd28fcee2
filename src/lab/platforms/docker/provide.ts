import { join } from "node:path"
import { EnvironmentError, Interrupted } from "../../../lib/errors.ts"
import { sha256 } from "../../../lib/ids.ts"
import { withLock } from "../../../lib/lock.ts"
import { note, oneLine } from "../../../lib/output.ts"
import { squeezed } from "../../../lib/text.ts"
import { privateFolder } from "../../../lib/private-folder.ts"
import { composeEnvironment, docker } from "./compose.ts"
import type { Engine } from "./engine.ts"

/** An image of some packages takes a minute, and one that compiles something, or comes over a slow line, several. */
const TIMEOUT_MS = 30 * 60_000

/**
 * Has an image made, and says so, unless the engine has it. Of all processes of this user that want it at once one makes it, and the
 * others wait for that.
 */
export async function provideImage(
  engine: Engine,
  image: string,
  {
    make,
    doing,
    signal,
  }: { make: () => Promise<void>; doing: "building" | "pulling"; signal?: AbortSignal | undefined },
): Promise<void> {
  const isThere = async () => (await engine.request("GET", `/images/${image}/json`)) !== undefined
  if (await isThere()) return
  const what = `${doing} the image ${image}`
  const onWait = () => note(`waiting for another process that is ${what}`)
  await withLock(lockFile(engine, image), { wait_ms: TIMEOUT_MS, onWait, doing: what, signal }, async () => {
    if (await isThere()) return
    note(`${what}, which this machine does not have yet`)
    await make()
  })
}

/** `docker build` with these words. Each step is a line on stderr; what a step prints is in the error, should it fail. */
export async function buildImage(
  image: string,
  words: readonly string[],
  more: { stdin?: string; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  // A step that fails would leave its container behind.
  const all = ["build", "--force-rm", "--tag", image, ...words]
  await run(all, `the image ${image} could not be built`, { ...more, onLine: (line) => tellStep(image, line) })
}

export async function pullImage(image: string, signal?: AbortSignal): Promise<void> {
  await run(["pull", "--quiet", image], `the image ${image} cannot be pulled`, { signal })
}

// internal

const NAME_DIGITS = 12

/** On this machine and not beside a store: the engine and its images are the same for all of them. */
function lockFile(engine: Engine, image: string): string {
  const folder = privateFolder(join("/tmp", `operator-${process.geteuid?.() ?? 0}`))
  return join(folder, `image-${sha256(`${engine.host} ${image}`).slice(0, NAME_DIGITS)}`)
}

/** How the classic builder and BuildKit announce a step. */
const STEP = /^(?:Step (\d+\/\d+) : |#\d+ \[(?:[^\]]* )?(\d+\/\d+)\] )(.*)/
const STEP_CHARACTERS = 100

function tellStep(image: string, line: string): void {
  const [, classic, kit, text = ""] = STEP.exec(line) ?? []
  const step = classic ?? kit
  if (step !== undefined) note(`${image} ${step}  ${oneLine(squeezed(text)).slice(0, STEP_CHARACTERS)}`)
}

/** What the client says of itself, and what says nothing once a build has failed. */
const IDLE = /^\s*$|^DEPRECATED: |^ {12}\S|^Removing intermediate container|^ ---> /
const COLOUR = /\x1b\[[\d;]*m/g
const TAIL_LINES = 20
const TAIL_CHARACTERS = 4_000

async function run(
  words: readonly string[],
  failure: string,
  { onLine, ...more }: { stdin?: string; signal?: AbortSignal | undefined; onLine?: (line: string) => void },
): Promise<void> {
  const tail: string[] = []
  const { exit_code, timed_out } = await docker(words, {
    ...{ cwd: "/", env: composeEnvironment({ BUILDKIT_PROGRESS: "plain" }), timeout_ms: TIMEOUT_MS, ...more },
    onLine: (coloured) => {
      const line = coloured.replace(COLOUR, "")
      onLine?.(line)
      if (!IDLE.test(line)) tail.push(line)
      if (tail.length > TAIL_LINES) tail.shift()
    },
  })
  if (exit_code === 0) return
  if (more.signal?.aborted) throw new Interrupted(`docker ${words[0]} was interrupted`)
  const why = timed_out ? `not within ${TIMEOUT_MS / 60_000} minutes` : ""
  const said = [why, tail.join("\n").slice(-TAIL_CHARACTERS)].filter(Boolean).join("\n")
  throw new EnvironmentError(`${failure}:${said.includes("\n") ? "\n" : " "}${said}`, {
    hint: `docker ${words[0]} says more`,
  })
}
