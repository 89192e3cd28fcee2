import type { Clock } from "../../../lib/clock.ts"
import { messageOf } from "../../../lib/errors.ts"
import { linesOf } from "../../../lib/lines.ts"
import { note } from "../../../lib/output.ts"
import { LabUnreachable } from "../../lab.ts"
import { labelFilter } from "./containers.ts"
import { type Ends, listenForEnds } from "./ends.ts"
import { type Engine, EngineRefusal } from "./engine.ts"
import type { Membership } from "./membership.ts"

/** Health checks alone make three events a second and container, which say nothing of a state. */
const EVENTS = ["create", "start", "die", "oom", "pause", "unpause", "destroy", "rename", "health_status"]

/** Between two tries to hear the engine again, growing from the first to the second. */
const RETRY_FROM_MS = 50
const RETRY_UP_TO_MS = 2_000

/** A connection may be lost without a word, and silence is the rule: after this long it is made anew. */
const LISTEN_FOR_MS = 60_000

/** An event holds all labels of its container, some kilobytes. */
const EVENT_CHARACTERS = 1024 * 1024

/**
 * Calls `look` when the engine says that something has happened to a container of a lab, until the returned function is called.
 * Also at the beginning and whenever the stream was lost and is there again: the engine replays no more than some 250 events, so
 * what happened in between is seen by looking, not by asking for it. `look` never runs twice at once.
 *
 * An engine that is away is waited for. Whatever else goes wrong is tried again, too, and said to people the first time.
 */
export function follow(engine: Engine, of: Membership, clock: Clock, look: (ends: Ends) => Promise<void>): () => void {
  const stop = new AbortController()
  const { signal } = stop
  const ends = listenForEnds()
  const complain = once((error: unknown) =>
    note(`${of.value}: what happens to its containers may be seen late, or not at all: ${messageOf(error)}`),
  )
  const again = serially(() => look(ends.known), { clock, signal, complain })
  const hear = (event: string) => {
    try {
      ends.hear(event)
    } catch (error) {
      complain(error)
    }
  }
  const listen = async () => {
    let pause_ms = RETRY_FROM_MS
    while (!signal.aborted) {
      try {
        const query = labelFilter(of, { type: ["container"], event: EVENTS })
        const enough = AbortSignal.any([signal, AbortSignal.timeout(LISTEN_FOR_MS)])
        const stream = await engine.stream("GET", "/events", { query, signal: enough })
        pause_ms = RETRY_FROM_MS
        again()
        for await (const event of linesOf(stream, { max_chars: EVENT_CHARACTERS })) {
          hear(event)
          again()
        }
      } catch (error) {
        // A stream ends, or breaks, or nobody answers: a look says so to whoever looks.
        if (error instanceof EngineRefusal) complain(error)
      }
      await clock.sleep(pause_ms, signal)
      pause_ms = Math.min(RETRY_UP_TO_MS, pause_ms * 2)
    }
  }
  void listen()
  return () => stop.abort()
}

// internal

function once<T>(work: (given: T) => void): (given: T) => void {
  let done = false
  return (given) => {
    if (!done) work(given)
    done = true
  }
}

interface Serially {
  clock: Clock
  signal: AbortSignal
  complain(error: unknown): void
}

/** Runs `work` once for any number of calls that come while it runs. One that fails is tried again. */
function serially(work: () => Promise<void>, { clock, signal, complain }: Serially): () => void {
  let [running, wanted] = [false, false]
  const run = async () => {
    running = true
    while (wanted && !signal.aborted) {
      wanted = false
      try {
        await work()
      } catch (error) {
        if (!(error instanceof LabUnreachable)) complain(error)
        wanted = true
        await clock.sleep(RETRY_UP_TO_MS, signal)
      }
    }
    running = false
  }
  return () => {
    wanted = true
    if (!running) void run()
  }
}
