import { composeMessage } from "../scripted-claude/message.ts"
import type { Answer, Block, Call, Failure, RawStream, Turn } from "../scripted-claude/script.ts"
import { streamOf } from "../scripted-claude/sse.ts"
import { MODEL } from "./claude-model.ts"

export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number
  /** A whole number from 0 up to, and without, `below`. */
  below(below: number): number
  /** True once in so many times. */
  oneIn(many: number): boolean
  pick<T>(of: readonly T[]): T
}

/** The same numbers for the same seed (the generator is known as mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (below: number) => Math.floor(next() * below)
  return { next, below, oneIn: (many) => below(many) === 0, pick: (of) => of[below(of.length)]! }
}

/**
 * Any answer that may come over the wire: good ones, bad ones, and what no honest server would ever send. From a server on a bad
 * day, `sour`, hardly a turn comes through.
 */
export function randomAnswer(random: Random, { sour }: { sour: boolean }): Answer {
  const kind = sour && !random.oneIn(20) ? 60 + random.below(22) : random.below(100)
  if (kind < 60) return randomTurn(random)
  if (kind < 72) return { ...randomTurn(random), ...randomBreak(random) }
  if (kind < 82) return randomFailure(random)
  return randomStream(random)
}

// internal

const STOP_REASONS = [
  ...["end_turn", "stop_sequence", "refusal", "max_tokens", "model_context_window_exceeded"],
  ...["pause_turn", "tool_use", "reflection", ""],
]
const WORDS = ["", "Done.", "ESCALATE: a disk died", "Grüße 😀\u2028", "```report\ncause: x\n```", "x".repeat(5_000)]

function randomTurn(random: Random): Turn {
  const calls = random.oneIn(4) ? 0 : 1 + random.below(3)
  return {
    ...(random.oneIn(3) && { think: random.pick(WORDS) }),
    ...(random.oneIn(3) && { say: random.pick(WORDS) }),
    ...(random.oneIn(8) && { blocks: randomBlocks(random) }),
    ...(calls > 0 && { call: Array.from({ length: calls }, () => randomCall(random)) }),
    ...(random.oneIn(6) && { stop_reason: random.pick(STOP_REASONS) }),
    ...(random.oneIn(20) && { stop_details: { type: "refusal", category: random.pick(["cyber", null, 7]) } }),
    ...(random.oneIn(10) && { model: random.pick(["claude-haiku-5-5", "claude-of-tomorrow"]) }),
    ...(random.oneIn(10) && { usage: randomUsage(random) }),
    ...(random.oneIn(12) && { chunks: random.pick(["events", "crlf"] as const) }),
    ...(random.oneIn(5) && { pings: true }),
  }
}

function randomCall(random: Random): Call {
  const good = { reasoning: random.pick(WORDS), command: "true" }
  if (!random.oneIn(4)) return good
  return random.pick<Call>([
    { name: "browser", input: good },
    { name: "shell", input: { command: "true" } },
    { name: "shell", input: { reasoning: "x", command: ["true"] } },
    { name: "shell", input: {} },
    { name: "shell", input: { ...good, extra: { deep: [null, 1e300] } } },
    { name: "shell", json: "" },
    { name: "shell", json: '{"reasoning": "x", "command": "true; tr' },
    { name: "shell", json: '{"reasoning": }' },
    { name: "shell", json: "[1, 2" },
  ])
}

function randomBlocks(random: Random): Block[] {
  const id = `srvtoolu_${random.below(1e9)}`
  return random.pick<Block[]>([
    [{ type: "hologram", data: { a: [1, null] } }],
    [{ type: "redacted_thinking", data: "x" }],
    [
      { type: "server_tool_use", id, name: "web_search", input: { query: "etcd" } },
      { type: "web_search_tool_result", tool_use_id: id, content: [] },
    ],
  ])
}

function randomUsage(random: Random): Record<string, unknown> {
  return random.pick<Record<string, unknown>>([
    { output_tokens: 30_000 },
    { input_tokens: 200_000, output_tokens: 1 },
    { input_tokens: null, output_tokens: null },
    { cache_read_input_tokens: 1e6 },
    { speed: "fast" },
  ])
}

function randomBreak(random: Random): Partial<Turn> {
  // Each costs the seconds until it is taken for dead.
  if (random.oneIn(400)) return { stalls_ms: 60_000, where: random.pick(["before_headers", "in_stream"] as const) }
  if (random.oneIn(2)) {
    const breaks = random.pick(["before", "after_headers", "in_stream", "before_stop"] as const)
    return { breaks, ends: random.pick(["destroy", "clean"] as const) }
  }
  const type = random.pick(["overloaded_error", "api_error", "invalid_request_error", "tired_error", ""])
  return { error_event: { type, message: "random" }, after: random.pick(["nothing", "start", "some"] as const) }
}

function randomFailure(random: Random): Failure {
  const status = random.pick([200, 400, 401, 403, 404, 408, 409, 413, 418, 422, 429, 429, 500, 502, 503, 529, 529])
  const headers = random.pick<Record<string, string>>([
    {},
    { "retry-after-ms": "1" },
    { "retry-after": "3" },
    { "retry-after": "soon" },
    { "retry-after": "100000" },
    { "x-should-retry": "true" },
    { "x-should-retry": "false" },
  ])
  return {
    status,
    headers,
    ...random.pick([{}, { html: "<html><title>Bad Gateway</title>" }, { body: "{" }, { body: "" }]),
  }
}

type Events = RawStream["events"][number][]

/** A stream that was well formed once. */
function randomStream(random: Random): RawStream {
  const asked = { model: MODEL, size_bytes: 4_000, cached_bytes: 0, caches: "5m", shows_thinking: true } as const
  const turn = { ...randomTurn(random), ...(random.oneIn(10) && randomDepth(random)) }
  // Of a stream that it only passes on, the server does not know that it paused, and would miss a result.
  if (turn.stop_reason === "pause_turn") delete turn.stop_reason
  const { events } = streamOf(composeMessage(turn, asked), { pings: random.oneIn(3) })
  const all = events.map((text) => {
    const [, event, data] = /^event: (\w+)\ndata: (.*)\n\n$/s.exec(text)!
    return { event: event!, data: data! }
  })
  for (let changes = random.below(4); changes > 0; changes--) change(all, random)
  return { events: all, ends: random.pick(["clean", "clean", "destroy"] as const) }
}

/** A call or a block that is nested as deeply as may be, or far more so. The server alone would take it for a whole one. */
function randomDepth(random: Random): Partial<Turn> {
  const depth = random.pick([90, 150, 3_000])
  const deep: unknown = JSON.parse("[".repeat(depth) + "]".repeat(depth))
  if (random.oneIn(2)) return { blocks: [{ type: "hologram", deep }] }
  return { call: { name: "shell", input: { reasoning: "x", command: "true", deep } } }
}

function change(events: Events, random: Random): void {
  const at = random.below(events.length + 1)
  const other = random.below(Math.max(1, events.length))
  const [one, two] = [events[at], events[other]]
  switch (random.below(7)) {
    case 0:
      return void events.splice(at)
    case 1:
      return void events.splice(at, 1)
    case 2:
      return void (one && events.splice(other, 0, one))
    case 3:
      if (one && two) [events[at], events[other]] = [two, one]
      return
    case 4:
      return void events.splice(at, 0, { event: random.pick(NAMES), data: random.pick(GARBAGE) })
    case 5:
      if (one) events[at] = { event: one.event!, data: String(one.data).slice(0, random.below(200)) }
      return
    default:
      if (one)
        events[at] = {
          event: one.event!,
          data: String(one.data).replace(/"index":\d+/, `"index":${random.below(5) - 1}`),
        }
  }
}

const NAMES = [
  "message_start",
  "content_block_start",
  "content_block_delta",
  "message_delta",
  "error",
  "ping",
  "novelty",
]

const GARBAGE = [
  ...["", "{", "null", "7", '"words"', "[]", "{}", '{"type":null}', '{"type":"message_start"}', "\u0000"],
  '{"type":"message_start","message":{}}',
  '{"type":"message_start","message":{"content":null,"model":7}}',
  '{"type":"content_block_start","index":0}',
  '{"type":"content_block_start","index":0,"content_block":null}',
  '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"shell","input":{}}}',
  '{"type":"content_block_delta","index":0}',
  '{"type":"content_block_delta","index":-1,"delta":{"type":"input_json_delta","partial_json":7}}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"novelty_delta"}}',
  '{"type":"message_delta","delta":{"stop_reason":7},"usage":null}',
  '{"type":"message_delta","delta":{},"usage":{}}',
  '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":-5,"output_tokens":"many"}}',
  '{"type":"error","error":null}',
  '{"type":"error","error":{"type":"overloaded_error","message":7}}',
]
