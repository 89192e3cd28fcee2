import type Anthropic from "@anthropic-ai/sdk"
import type { Connection } from "./client.ts"
import type { Usage } from "../prices.ts"
import type { Block } from "./model.ts"
import type { Request } from "./request.ts"

/** A whole answer, as it came. */
export interface Answer {
  content: Block[]
  stop_reason: string
  refusal_category: string | null
  model: string
  request_id: string | null
  usage: Usage
}

/** An attempt that failed with `cause`, and what it had used by then. */
export class Broken extends Error {
  readonly model: string | undefined
  readonly usage: Usage | undefined

  constructor(cause: unknown, so_far: Anthropic.Message | undefined) {
    super("the answer did not come to its end", { cause })
    this.model = so_far?.model
    this.usage = so_far?.usage
  }
}

export interface AttemptOptions {
  signal: AbortSignal
  /** Not a byte for this long, not even a ping: the connection is dead, whatever TCP believes. */
  stall_ms: number
  /** When the last byte came, on the clock of `performance.now()`. */
  heardAt(): number
}

/** Asks once, over a stream. Throws `Broken` when no whole answer came. */
export async function attempt(connection: Connection, request: Request, options: AttemptOptions): Promise<Answer> {
  const stalled = new AbortController()
  const started_ms = performance.now()
  const silent_ms = () => performance.now() - Math.max(started_ms, options.heardAt())
  const watchdog = setInterval(
    () => {
      if (silent_ms() >= options.stall_ms) stalled.abort()
    },
    Math.min(LOOK_EVERY_MS, options.stall_ms),
  )
  const signal = AbortSignal.any([options.signal, stalled.signal])
  const stream = connection.client().messages.stream(request as Anthropic.MessageStreamParams, { signal })
  const inputs = new Map<number, string>()
  stream.on("streamEvent", (event) => {
    if (event.type !== "content_block_delta" || event.delta.type !== "input_json_delta") return
    inputs.set(event.index, (inputs.get(event.index) ?? "") + event.delta.partial_json)
  })
  try {
    const message = await stream.finalMessage()
    if (message.stop_reason === null) throw new Error("the stream ended without a stop reason")
    if (message.stop_reason === "tool_use") requireWhole(inputs)
    return {
      content: message.content as Block[],
      stop_reason: message.stop_reason,
      refusal_category: message.stop_details?.category ?? null,
      model: message.model,
      request_id: stream.request_id ?? null,
      usage: message.usage as Usage,
    }
  } catch (error) {
    const cause = stalled.signal.aborted ? new Error(`not a byte for ${options.stall_ms / 1_000} s`) : error
    throw new Broken(cause, stream.currentMessage)
  } finally {
    clearInterval(watchdog)
  }
}

// internal

const LOOK_EVERY_MS = 1_000

/** The SDK completes a JSON text that was cut off. Half a command is not to be run for a whole one. */
function requireWhole(inputs: ReadonlyMap<number, string>): void {
  for (const text of inputs.values()) if (text !== "") JSON.parse(text)
}
