import type Anthropic from "@anthropic-ai/sdk"
import type { Usage } from "../prices.ts"
import type { Connection } from "./client.ts"
import type { Block } from "./model.ts"
import type { Request } from "./request.ts"
import { checkOrder, requireWhole } from "./whole.ts"

/** A whole answer, as it came. */
export interface Answer {
  content: Block[]
  stop_reason: string
  refusal_category: string | null
  model: string
  request_id: string | null
  usage: Usage
}

/** An attempt that failed with `cause`. */
export class Broken extends Error {
  constructor(cause: unknown) {
    super("the answer did not come to its end", { cause })
  }
}

export interface AttemptOptions {
  signal: AbortSignal
  /** Not a byte for this long, not even a ping: the connection is dead, whatever TCP believes. */
  stall_ms: number
  /** When the last byte came, on the clock of `performance.now()`. */
  heardAt(): number
}

/** Asks once, over a stream. Throws `Broken` when no whole answer came. What follows a whole one, a break for instance, is nothing to it. */
export async function attempt(connection: Connection, request: Request, options: AttemptOptions): Promise<Answer> {
  const stalled = new AbortController()
  const signal = AbortSignal.any([options.signal, stalled.signal])
  const stream = connection.client().messages.stream(request as Anthropic.MessageStreamParams, { signal })
  const inOrder = checkOrder()
  stream.on("streamEvent", inOrder)
  const watchdog = watch(options, () => stalled.abort())
  try {
    const broken = await stream.done().catch((error: unknown) => ({ error }))
    const [message] = stream.receivedMessages
    if (!message) throw broken ? broken.error : new Error("the stream ended before its message did")
    requireWhole(message)
    return {
      // The SDK puts off reading a call's input, which may fail: better here than in the middle of a session.
      content: structuredClone(message.content) as Block[],
      stop_reason: message.stop_reason!,
      refusal_category: categoryOf(message),
      model: message.model,
      request_id: stream.request_id ?? null,
      usage: message.usage as Usage,
    }
  } catch (error) {
    const cause = stalled.signal.aborted ? new Error(`not a byte for ${options.stall_ms / 1_000} s`) : error
    throw new Broken(cause)
  } finally {
    clearInterval(watchdog)
  }
}

// internal

const LOOK_EVERY_MS = 1_000

function categoryOf({ stop_details }: Anthropic.Message): string | null {
  const category: unknown = stop_details?.category
  return typeof category === "string" ? category : null
}

function watch({ stall_ms, heardAt }: AttemptOptions, stalled: () => void): ReturnType<typeof setInterval> {
  const started_ms = performance.now()
  const look = () => {
    if (performance.now() - Math.max(started_ms, heardAt()) >= stall_ms) stalled()
  }
  return setInterval(look, Math.min(LOOK_EVERY_MS, stall_ms))
}
