import type { Block, Call, Turn } from "./script.ts"

/** A block as it is served, and the JSON text of its input when it has one. */
export interface ServedBlock {
  block: Block
  /** Streamed as the input. Not the input's own text only when a script says so. */
  json?: string
}

export interface Served {
  id: string
  model: string
  blocks: ServedBlock[]
  stop_reason: string
  stop_sequence: string | null
  stop_details: Record<string, unknown> | null
  usage: Record<string, unknown>
}

/** What a message needs to know of the request that it answers. Sizes are those of the JSON text. */
export interface Asked {
  model: string
  size_bytes: number
  /** The part that the answer before has left in the cache. */
  cached_bytes: number
  caches: "no" | "5m" | "1h"
  shows_thinking: boolean
}

/** The message of a turn, with ids of its own and counts that fit the sizes. */
export function composeMessage(turn: Turn, asked: Asked): Served {
  const calls = callsOf(turn).map(serveCall)
  const blocks: ServedBlock[] = [
    ...(turn.think === undefined ? [] : [thinking(asked.shows_thinking ? turn.think : "")]),
    ...(turn.blocks ?? []).map(serveRaw),
    ...(turn.say === undefined ? [] : [{ block: { type: "text", text: turn.say, citations: null } }]),
    ...calls,
  ]
  return {
    id: newId("msg"),
    model: turn.model ?? asked.model,
    blocks,
    stop_reason: turn.stop_reason ?? (calls.length > 0 ? "tool_use" : "end_turn"),
    stop_sequence: turn.stop_sequence ?? null,
    stop_details: turn.stop_details ?? null,
    usage: { ...countTokens(turn, blocks, asked), ...turn.usage },
  }
}

export function callsOf({ call }: Turn): readonly Call[] {
  if (call === undefined) return []
  return Array.isArray(call) ? call : [call as Call]
}

/** An id as the API makes them: unique, and telling nothing. */
export function newId(prefix: "msg" | "toolu" | "req"): string {
  made += 1
  return `${prefix}_01${run}${made.toString(36).padStart(10, "0")}`
}

/** The tokens of a text of this size: four bytes each, which is about right for English and JSON. */
export const tokensIn = (size_bytes: number) => Math.ceil(size_bytes / 4)

// internal

const run = crypto.randomUUID().replaceAll("-", "").slice(0, 12)
let made = 0

/** What is left outside of the cache when a breakpoint moves with the last block. */
const UNCACHED_TOKENS = 4

function thinking(text: string): ServedBlock {
  return {
    block: { type: "thinking", thinking: text, signature: `Eq${newId("msg").slice(4)}${btoa(run).slice(0, 20)}==` },
  }
}

function serveCall(call: Call): ServedBlock {
  const name = "name" in call ? call.name : "shell"
  const input = "name" in call ? ("input" in call ? call.input : parsed(call.json)) : call
  const block = { type: "tool_use", id: newId("toolu"), name, caller: { type: "direct" }, input }
  return { block, json: "json" in call ? call.json : JSON.stringify(input) }
}

function serveRaw(block: Block): ServedBlock {
  return block.type === "tool_use" || block.type === "server_tool_use"
    ? { block, json: JSON.stringify(block.input ?? {}) }
    : { block }
}

/** Undefined when a script's JSON text is broken: what a client makes of it is its own matter. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

function countTokens(turn: Turn, blocks: readonly ServedBlock[], asked: Asked): Record<string, unknown> {
  const all = tokensIn(asked.size_bytes)
  const read = asked.caches === "no" ? 0 : Math.min(tokensIn(asked.cached_bytes), all)
  const uncached = asked.caches === "no" ? all : Math.min(UNCACHED_TOKENS, all - read)
  const written = all - read - uncached
  const thinking_tokens = tokensIn(turn.think?.length ?? 0)
  const shown = blocks.reduce((size, { block, json }) => {
    return block.type === "thinking" ? size : size + (json ?? JSON.stringify(block)).length
  }, 0)
  const searches = blocks.filter(({ block }) => block.type === "server_tool_use").length
  return {
    input_tokens: uncached,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    cache_creation: {
      ephemeral_5m_input_tokens: asked.caches === "5m" ? written : 0,
      ephemeral_1h_input_tokens: asked.caches === "1h" ? written : 0,
    },
    output_tokens: tokensIn(shown) + thinking_tokens,
    output_tokens_details: { thinking_tokens },
    server_tool_use: searches > 0 ? { web_search_requests: searches, web_fetch_requests: 0 } : null,
    inference_geo: null,
    service_tier: "standard",
    speed: "standard",
  }
}
