import type { Served, ServedBlock } from "./message.ts"
import type { Block, RawStream } from "./script.ts"

/** A message as the events of a stream. `middle` is the index of an event in the middle of a block. */
export interface EventStream {
  events: string[]
  middle: number
}

/** The events that carry a message, each the text of one server-sent event. */
export function streamOf(message: Served, options: { pings?: boolean } = {}): EventStream {
  const events = [event({ type: "message_start", message: begun(message) })]
  if (options.pings) events.push(PING)
  let middle = events.length
  message.blocks.forEach((served, index) => {
    const before = events.length
    events.push(event({ type: "content_block_start", index, content_block: empty(served) }))
    for (const delta of deltasOf(served)) events.push(event({ type: "content_block_delta", index, delta }))
    // The last block's middle: what comes before it has arrived whole.
    middle = Math.min(before + 2, events.length)
    events.push(event({ type: "content_block_stop", index }))
  })
  const { stop_reason, stop_sequence, stop_details } = message
  const delta = { container: null, stop_details, stop_reason, stop_sequence }
  events.push(event({ type: "message_delta", delta, usage: usageAtEnd(message.usage) }))
  events.push(event({ type: "message_stop" }))
  return { events, middle }
}

/** The message as the one JSON text of an answer that is not streamed. */
export function wholeMessage(message: Served): string {
  const { stop_reason, stop_sequence, stop_details, usage } = message
  const content = message.blocks.map(({ block }) =>
    block.input === undefined && "input" in block ? { ...block, input: {} } : block,
  )
  return JSON.stringify({ ...begun(message), content, stop_reason, stop_sequence, stop_details, usage })
}

/** Events as a script gives them, untouched. */
export function rawEvents(stream: RawStream): string[] {
  return stream.events.map(({ event, data }) => {
    const text = typeof data === "string" ? data : JSON.stringify(data)
    const lines = text.split("\n").map((line) => `data: ${line}\n`)
    return `${event === undefined ? "" : `event: ${event}\n`}${lines.join("")}\n`
  })
}

export function errorEvent(error: { type: string; message: string }, request_id: string): string {
  return event({ type: "error", error: { details: null, ...error }, request_id })
}

export const PING = 'event: ping\ndata: {"type":"ping"}\n\n'

// internal

/** A text comes in so many pieces, unless it is too short to be cut. */
const PIECES = 4
const PIECE_LENGTH_MIN = 12

function event(data: { type: string } & Record<string, unknown>): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
}

function begun({ id, model, usage }: Served) {
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content: [],
    container: null,
    diagnostics: null,
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    usage: { ...usage, output_tokens: 1, output_tokens_details: null },
  }
}

function usageAtEnd(usage: Record<string, unknown>) {
  const { input_tokens, cache_creation_input_tokens, cache_read_input_tokens } = usage
  const { output_tokens, output_tokens_details, server_tool_use } = usage
  const input = { input_tokens, cache_creation_input_tokens, cache_read_input_tokens }
  return { ...input, output_tokens, output_tokens_details, server_tool_use }
}

/** A block as it starts: without what its deltas bring. */
function empty({ block, json }: ServedBlock): Block {
  if (json !== undefined) return { ...block, input: {} }
  if (block.type === "text") return { ...block, text: "", citations: null }
  if (block.type === "thinking") return { ...block, thinking: "", signature: "" }
  return block
}

function deltasOf({ block, json }: ServedBlock): Record<string, unknown>[] {
  if (json !== undefined) return pieces(json).map((partial_json) => ({ type: "input_json_delta", partial_json }))
  if (block.type === "text") {
    const citations = Array.isArray(block.citations) ? block.citations : []
    return [
      ...pieces(String(block.text)).map((text) => ({ type: "text_delta", text })),
      ...citations.map((citation: unknown) => ({ type: "citations_delta", citation })),
    ]
  }
  if (block.type !== "thinking") return []
  const thoughts = pieces(String(block.thinking)).map((thinking) => ({ type: "thinking_delta", thinking }))
  return [...thoughts, { type: "signature_delta", signature: block.signature }]
}

/** A text in several pieces, none of which ends inside of a character. */
function pieces(text: string): string[] {
  const length = Math.max(PIECE_LENGTH_MIN, Math.ceil(text.length / PIECES))
  const cut: string[] = []
  for (let start = 0; start < text.length;) {
    let end = start + length
    if (isLowSurrogate(text.charCodeAt(end))) end += 1
    cut.push(text.slice(start, end))
    start = end
  }
  return cut
}

const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff
