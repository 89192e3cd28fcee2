import { closeSync, openSync } from "node:fs"
import { dirname, join } from "node:path"
import { within } from "../lib/clock.ts"
import { EnvironmentError } from "../lib/errors.ts"
import { identify, type ProcessId } from "../lib/process.ts"
import type { Store } from "../store/open.ts"
import { recordGuardian } from "../store/labs.ts"
import { RESIDENT_MARK } from "./platforms/residents.ts"

/** A guardian opens the store and says that it is there; this takes some 20 ms. */
const READY_WITHIN_MS = 10_000

/** Everything of a lab is gone within seconds; then whoever waits for that is not kept any longer. */
const CLEARED_WITHIN_MS = 30_000

/** What the owner writes down the lifeline. Its end without any of these words means that the owner died. */
export const GOODBYE = "goodbye"
export const KEEP = "keep"
/** Followed by the reason, as JSON: on one line, whatever it holds. */
export const NOT_UP = "not up "

/** The owner's end of a lab's lifeline. */
export interface Guardian {
  process: ProcessId
  /** Resolves when the guardian has ended, for whatever reason. */
  exited: Promise<unknown>
  /** The lab was destroyed in good order: the guardian may go. */
  goodbye(): Promise<void>
  /** The lab outlives this process: the guardian becomes its owner. */
  keep(): Promise<void>
  /** The lab did not come up, which the log is to say with its reason: the guardian removes what there is of it. Resolves when it has. */
  clearUp(reason: string): Promise<void>
}

/**
 * Starts a lab's guardian from `command`, in a session of its own, and resolves once it watches. It holds the reading
 * end of a pipe to this process: however this process ends, the kernel closes the pipe, and the guardian heals the lab.
 */
export async function startGuardian(store: Store, lab: string, command: readonly string[]): Promise<Guardian> {
  const log = join(dirname(store.file), "guardian.log")
  const child = spawn(command, dirname(store.file), log)
  const process = identify(child.pid)
  const late = setTimeout(() => child.kill("SIGKILL"), READY_WITHIN_MS)
  const first = await firstLine(child.stdout)
  clearTimeout(late)
  if (!process || first !== "ready") {
    child.kill("SIGKILL")
    throw new EnvironmentError(`the guardian of ${lab} did not start`, {
      hint: `see ${log}`,
    })
  }
  recordGuardian(store, lab, process)
  child.unref()
  const say = async (word: string) => {
    child.stdin.write(`${word}\n`)
    await child.stdin.end()
  }
  return {
    process,
    exited: child.exited,
    keep: () => say(KEEP),
    clearUp: async (reason) => {
      await say(`${NOT_UP}${JSON.stringify(reason)}`)
      await within(child.exited, { timeout_ms: CLEARED_WITHIN_MS })
    },
    goodbye: async () => {
      await say(GOODBYE)
      await child.exited
    },
  }
}

// internal

function spawn(command: readonly string[], cwd: string, log: string) {
  const env = Object.fromEntries(Object.entries(Bun.env).filter(([name]) => !NOT_PASSED_ON.test(name)))
  const stderr = openSync(log, "a")
  try {
    return Bun.spawn([...command], { cwd, env, stdin: "pipe", stdout: "pipe", stderr, detached: true })
  } finally {
    closeSync(stderr)
  }
}

/**
 * A guardian that was a resident of another lab would end with it; what sets this Bun up is not meant for another; and the
 * model's key is nobody's but the conversation's.
 */
const NOT_PASSED_ON = new RegExp(`^(?:${RESIDENT_MARK}|BUN_OPTIONS|BUN_BE_BUN|ANTHROPIC_.*)$`)

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let text = ""
  while (!text.includes("\n")) {
    const part = await reader.read()
    if (part.done) break
    text += decoder.decode(part.value, { stream: true })
  }
  await reader.cancel()
  return text.split("\n")[0] ?? ""
}
