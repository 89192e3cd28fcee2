import { within } from "../lib/clock.ts"
import { messageOf } from "../lib/errors.ts"
import { append } from "../store/events.ts"
import type { EventBodies } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import type { Lease } from "../store/sessions.ts"
import { keepText } from "../store/texts.ts"
import type { Prices } from "./prices.ts"
import outputPrompt from "./prompts/summarise-output.md" with { type: "text" }
import sessionPrompt from "./prompts/summarise-session.md" with { type: "text" }
import { openPurse } from "./purse.ts"
import { openAsking, SUMMARISER, type Summed, Unable } from "./summarise-ask.ts"
import { isShorter, outputText, type Printed, sessionText } from "./summarise-text.ts"
import { isClaude, type Variant } from "./variant.ts"

/**
 * Summaries for whoever reads a session's log later: events of their own, which replace no text and which no agent sees.
 * They are made beside the session. None of this throws, or keeps the session waiting.
 */
export interface Summaries {
  /** Of what a command printed, when that is longer than what the model was shown. */
  output(printed: Printed): void
  /** Of the whole session, once it has ended. */
  session(): void
  /** Waits so long, or until the signal aborts, for those that are being made, and drops the rest. Nothing is left running. */
  close(options: { wait_ms: number; signal?: AbortSignal | undefined }): Promise<void>
}

export interface SummariesOptions {
  store: Store
  lease: Lease
  prices: Prices
  env?: NodeJS.ProcessEnv
}

/** How the sessions of a variant are summed up; undefined when they are not, since it says so or is none of Claude's. */
export function summariesOf(
  variant: Pick<Variant, "model" | "summaries">,
  parts: Omit<SummariesOptions, "lease">,
): ((lease: Lease) => Summaries) | undefined {
  return variant.summaries && isClaude(variant) ? (lease) => openSummaries({ ...parts, lease }) : undefined
}

export function openSummaries({ store, lease, prices, env = process.env }: SummariesOptions): Summaries {
  const { clock } = store
  // The harness's dollars: within the campaign's limit, and not the agent's.
  const purse = openPurse(store, { ...lease, session: `${lease.session}/summaries` }, null)
  const ask = openAsking({ prices, purse, clock, env })
  const closing = new AbortController()
  let [unable, closed] = [false, false]

  const record = ({ of, place, prompt }: Job, summed: Summed, took_ms = 0) => {
    if (closed) return
    const body = { of, ...place, ...summed, took_ms, prompt: keepText(store, "prompt", `summarise-${of}.md`, prompt) }
    append(store, lease.lab, "summary", body, { session: lease.session })
  }
  const queue = new Queue(async (job: Job) => {
    if (unable) return
    const start_ms = clock.mono_ms()
    const took_ms = () => clock.mono_ms() - start_ms
    try {
      const summed = await ask(job.prompt, job.text, closing.signal)
      record(job, onlyIfShorter(summed, job.text), took_ms())
    } catch (error) {
      if (error instanceof Unable) {
        if (!unable) record(job, none(`${error.message}: no summaries in this session`), took_ms())
        unable = true
        return
      }
      // What was sent may be billed, and nobody said how much.
      const reason = closing.signal.aborted ? NOT_IN_TIME : `failed: ${messageOf(error)}`
      record(job, { ...none(reason), cost_usd: null }, took_ms())
    }
  })
  const start = (job: Job, options: { first: boolean }) => {
    if (closing.signal.aborted || unable || queue.add(job, options)) return
    record(job, none(`dropped: ${MAX_WAITING} others were waiting`))
  }

  return {
    output: (printed) => {
      if (printed.output.length <= SHOWN_BYTES) return
      const place = { step: printed.step, call: printed.call }
      const job = () => ({ of: "output" as const, place, prompt: outputPrompt, text: outputText(printed) })
      quietly(() => start(job(), { first: false }))
    },
    session: () =>
      quietly(() => {
        const text = sessionText(store, lease)
        if (text !== "") start({ of: "session", place: {}, prompt: sessionPrompt, text }, { first: true })
      }),
    close: async ({ wait_ms, signal }) => {
      const idle = new AbortController()
      const enough = AbortSignal.any([idle.signal, ...(signal ? [signal] : [])])
      await Promise.race([queue.idle(), clock.sleep(wait_ms, enough)])
      idle.abort()
      for (const job of queue.clear()) quietly(() => record(job, none(NOT_IN_TIME)))
      closing.abort()
      await within(queue.idle(), { timeout_ms: HANG_UP_MS })
      closed = true
    },
  }
}

// internal

/** As much is shown to the model whole (sandbox/local.ts); of more, only the beginning and the end. */
const SHOWN_BYTES = 16 * 1024

/** Summaries are not to take the API's limits from the agents. */
const AT_ONCE = 2

/** A session that prints more than this in the time of a summary prints much that nobody will read. */
const MAX_WAITING = 8

/** Hanging up takes no time; should it, nobody waits for it. */
const HANG_UP_MS = 1_000

const NOT_IN_TIME = "dropped: the session was over before it came"

interface Job {
  of: EventBodies["summary"]["of"]
  place: { step?: number; call?: string }
  prompt: string
  text: string
}

/** Works through jobs beside everything else, a few at a time. */
class Queue<J> {
  readonly #work: (job: J) => Promise<void>
  readonly #waiting: J[] = []
  readonly #running = new Set<Promise<void>>()

  constructor(work: (job: J) => Promise<void>) {
    this.#work = work
  }

  /** False when there is no room. What comes first finds room in any case. */
  add(job: J, { first }: { first: boolean }): boolean {
    if (!first && this.#waiting.length >= MAX_WAITING) return false
    if (first) this.#waiting.unshift(job)
    else this.#waiting.push(job)
    this.#next()
    return true
  }

  /** What has not begun, and never will. */
  clear(): J[] {
    return this.#waiting.splice(0)
  }

  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #next(): void {
    if (this.#running.size >= AT_ONCE) return
    const job = this.#waiting.shift()
    if (job === undefined) return
    const done = this.#work(job)
      .catch(unheard)
      .finally(() => {
        this.#running.delete(done)
        this.#next()
      })
    this.#running.add(done)
  }
}

function none(reason: string): Summed {
  return { text: null, reason, model: SUMMARISER, usage: null, cost_usd: 0 }
}

function onlyIfShorter(summed: Summed, text: string): Summed {
  if (summed.text === null || isShorter(summed.text, text)) return summed
  return { ...summed, text: null, reason: "longer than half of the text" }
}

function quietly(act: () => void): void {
  try {
    act()
  } catch {
    unheard()
  }
}

/** It was the log that failed. The session writes to the same one, and tells of it. */
function unheard(): void {}
