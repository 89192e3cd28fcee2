import { heapStats } from "bun:jsc"
import { afterEach, describe, expect, test } from "bun:test"
import type { Socket } from "node:net"
import { join } from "node:path"
import type { ClaudeOptions } from "../src/agent/model/claude.ts"
import { requireKey } from "../src/agent/model/client.ts"
import { MAX_ATTEMPTS, NoTurn } from "../src/agent/model/failure.ts"
import type { FailedAttempt, Message } from "../src/agent/model/model.ts"
import { builtInPrices, costOf, parsePrices } from "../src/agent/prices.ts"
import { systemClock, waitUntil } from "../src/lib/clock.ts"
import { EnvironmentError, exitCode } from "../src/lib/errors.ts"
import type { Answer, Block, RawStream, ScriptedRequest } from "./scripted-claude/script.ts"
import { type ScriptedClaude, startScriptedClaude } from "./scripted-claude/server.ts"
import { claudeAt, MODEL, page, quickClock, SETTINGS, turnOf } from "./support/claude-model.ts"
import { rawServer } from "./support/raw-server.ts"

// The real model and the real SDK, over real HTTP, with a Claude that answers from a script.

let claude: ScriptedClaude
afterEach(async () => {
  expect(claude?.violations ?? []).toEqual([])
  await claude?.close()
})

/** A Claude that gives these answers, one to each request, and the last one again and again. */
async function answering(answers: Answer[], auth?: "bearer" | "x-api-key"): Promise<ScriptedClaude> {
  let given = 0
  claude = await startScriptedClaude({
    answers: () => answers[Math.min(given++, answers.length - 1)]!,
    ...(auth && { auth }),
  })
  return claude
}

/** The first turn of these answers. */
async function turnFrom(answers: Answer[], change: Partial<ClaudeOptions> = {}) {
  return turnOf(claudeAt(await answering(answers), change))
}

/** Why there is no turn, and which attempts were told of. */
async function noTurnFrom(answers: Answer[], change: Partial<ClaudeOptions> = {}) {
  const failures: FailedAttempt[] = []
  const asking = turnOf(claudeAt(await answering(answers), change), { failures })
  const error = await asking.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(NoTurn)
  return { error: error as NoTurn, failures }
}

const call = (command: string) => ({ reasoning: "because", command })
const shell = (json: string) => ({ name: "shell", json })

/** A message's events, as the API sends them, for scripts that change them. */
function events(blocks: { start: Block; deltas: object[] }[], stop_reason: string | null = "end_turn") {
  const usage = { input_tokens: 100, output_tokens: 1, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }
  const message = { id: "msg_1", type: "message", role: "assistant", model: MODEL, content: [], stop_reason: null }
  const all: ({ type: string } & Record<string, unknown>)[] = [
    { type: "message_start", message: { ...message, usage } },
    ...blocks.flatMap(({ start, deltas }, index) => [
      { type: "content_block_start", index, content_block: start },
      ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
      { type: "content_block_stop", index },
    ]),
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 50 } },
    { type: "message_stop" },
  ]
  return all.map((data) => ({ event: data.type, data }))
}

const TEXT = { start: { type: "text", text: "" }, deltas: [{ type: "text_delta", text: "Done." }] }
const callBlock = (id: string, command: string) => ({
  start: { type: "tool_use", id, name: "shell", input: {} },
  deltas: [{ type: "input_json_delta", partial_json: JSON.stringify(call(command)) }],
})

/** A list in a list, and so on: so many of them. */
const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth))
/** The content, its block and its input are nested as well. */
const callOf = (deep: unknown) => ({
  start: { type: "tool_use", id: "toolu_1", name: "shell", input: {} },
  deltas: [{ type: "input_json_delta", partial_json: JSON.stringify({ ...call("ls"), deep }) }],
})
const hologramOf = (deep: unknown) => ({ start: { type: "hologram", deep }, deltas: [] })

const eventTexts = (all: ReturnType<typeof events>) =>
  all.map(({ event, data }) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
const streamHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"

describe("an answer", () => {
  test("is thinking, words and calls, block by block as they were said", async () => {
    const { turn, failures } = await turnFrom([
      { think: "Hm.", say: "Grüße 😀", call: [call("ls"), { name: "other", input: { a: [1, null] } }] },
    ])
    expect(turn.content.map(({ type }) => type)).toEqual(["thinking", "text", "tool_use", "tool_use"])
    expect(turn.content[0]).toMatchObject({ thinking: "Hm.", signature: expect.stringMatching(/./) })
    expect(turn.content[2]).toMatchObject({ name: "shell", input: call("ls") })
    expect(turn.content[3]).toMatchObject({ name: "other", input: { a: [1, null] } })
    expect(turn).toMatchObject({ stop_reason: "tool_use", model: MODEL, waited_ms: 0 })
    expect(turn.request_id).toBe(claude.requests[0]!.request_id)
    expect(failures).toEqual([])
  })

  test.each([
    ["words alone", { say: "Done." }, ["text"]],
    ["thinking alone", { think: "Hm." }, ["thinking"]],
    ["nothing", {}, []],
    ["blocks that nobody knows", { blocks: [{ type: "hologram", data: { a: 1 } }] }, ["hologram"]],
  ])("may be %s", async (_, answer: Answer, types) => {
    const { turn } = await turnFrom([answer])
    expect(turn).toMatchObject({ stop_reason: "end_turn" })
    expect(turn.content.map(({ type }) => type as string)).toEqual(types)
  })

  test("may be a megabyte of words", async () => {
    const say = "ä😀x".repeat(200_000)
    const { turn } = await turnFrom([{ say, chunks: "events" }])
    expect(turn.content).toMatchObject([{ type: "text", text: say }])
  })

  test.each(["events", "bytes", "crlf"] as const)("that comes in %s is the same", async (chunks) => {
    const { turn, failures } = await turnFrom([{ say: "Grüße 😀", call: call("ls 😀"), chunks, pings: true }])
    expect(turn.content).toMatchObject([{ text: "Grüße 😀" }, { input: call("ls 😀") }])
    expect(failures).toEqual([])
  })

  test("may be a refusal, with its category and who refused", async () => {
    const stop_details = { type: "refusal", category: "cyber", explanation: "no" }
    const { turn } = await turnFrom([{ stop_reason: "refusal", stop_details, model: "claude-haiku-5-5" }])
    expect(turn).toMatchObject({ stop_reason: "refusal", refusal_category: "cyber", model: "claude-haiku-5-5" })
  })

  test.each(["max_tokens", "model_context_window_exceeded", "pause_turn", "stop_sequence", "a_reason_of_tomorrow"])(
    "says with its own word why it stopped: %s",
    async (stop_reason) => {
      expect((await turnFrom([{ say: "x", stop_reason }])).turn.stop_reason).toBe(stop_reason)
    },
  )

  test("that was cut off in the middle of a call is an answer, for the loop to leave alone", async () => {
    const cut = shell('{"reasoning": "Clean up.", "command": "rm -rf /tmp/ju')
    const { turn, failures } = await turnFrom([{ call: cut, stop_reason: "max_tokens" }])
    expect(turn.stop_reason).toBe("max_tokens")
    expect(failures).toEqual([])
  })

  test("is whole with its last event, whatever the connection does after it", async () => {
    const whole = events([TEXT])
    const error = { event: "error", data: { type: "error", error: { type: "api_error", message: "x" } } }
    const after: RawStream[] = [
      { events: [...whole, error] },
      { events: [...whole, { event: "message_delta", data: "{" }] },
      { events: [...whole, ...whole] },
    ]
    for (const answer of after) {
      const { turn, failures } = await turnFrom([answer])
      expect(turn.content).toMatchObject([{ text: "Done." }])
      expect(failures).toEqual([])
      await claude.close()
    }
  })

  test.each<[string, (socket: Socket) => void]>([
    ["breaks", (socket) => void setTimeout(() => socket.resetAndDestroy(), 50)],
    ["stays open and silent", () => {}],
  ])("is whole with its last event, though the connection %s", async (_, then) => {
    const text = eventTexts(events([TEXT]))
    await using server = await rawServer((socket) => {
      socket.write(streamHead + text.join(""))
      then(socket)
    })
    const { turn, failures } = await turnOf(claudeAt({ url: server.url, key: "k" }, { stall_ms: 500 }))
    expect(turn.content).toMatchObject([{ text: "Done." }])
    expect([server.connections(), failures]).toEqual([1, []])
  })
})

describe("a request", () => {
  test("goes on from the one before it byte for byte, with what the model needs to know of its tool", async () => {
    const model = claudeAt(await answering([{ think: "Hm.", say: "Look.", call: call("ls") }, { say: "Done." }]))
    const history: Message[] = [page()]
    const { turn } = await turnOf(model, { history })
    const id = turn.content.flatMap((block) => (block.type === "tool_use" ? [block.id] : []))[0]!
    history.push({ role: "assistant", content: turn.content })
    history.push({ role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "a file" }] })
    await turnOf(model, { history })
    const [first, second] = claude.requests.map(({ text }) => text)
    const prefix = first!.slice(0, first!.lastIndexOf("]}"))
    expect(second!.slice(0, first!.indexOf('"messages"'))).toBe(first!.slice(0, first!.indexOf('"messages"')))
    expect(prefix.length).toBeGreaterThan(500)
    expect(claude.requests[0]!.body).toMatchObject({
      ...{ model: MODEL, max_tokens: 16_000, stream: true, system: "You are on call." },
      ...{ cache_control: { type: "ephemeral" }, thinking: { type: "adaptive", display: "summarized" } },
      tool_choice: { type: "auto" },
    })
    expect(claude.requests[0]!.body).not.toHaveProperty("output_config")
  })

  test("asks a model only for what it takes, and for the effort that was chosen", async () => {
    const ask = async (settings: object) => {
      await turnFrom([{ say: "Done." }], { settings: { ...SETTINGS, ...settings } })
      const [{ body }] = claude.requests as [ScriptedRequest]
      await claude.close()
      return body
    }
    expect(await ask({ effort: "low" })).toMatchObject({ output_config: { effort: "low" } })
    expect(await ask({ model: "claude-haiku-4-5-20251001" })).not.toHaveProperty("thinking")
    expect(await ask({ model: "claude-of-tomorrow" })).toHaveProperty("thinking")
  })
})

type Tool = (typeof SETTINGS)["tools_config"]["enabled_tools"][number]
const webSettings = (...enabled_tools: Tool[]) => ({
  ...SETTINGS,
  tools_config: { ...SETTINGS.tools_config, enabled_tools },
})
const NOBODY = { url: "http://127.0.0.1:9", key: "k" }

describe("what an answer costs", () => {
  test("is the price of what it used, by the model that answered", async () => {
    const usage = { input_tokens: 1_000, output_tokens: 500 }
    const read = { cache_read_input_tokens: 20_000, cache_creation_input_tokens: 4_000 }
    const all = {
      ...usage,
      ...read,
      cache_creation: { ephemeral_5m_input_tokens: 4_000, ephemeral_1h_input_tokens: 0 },
    }
    const { turn } = await turnFrom([{ say: "Done.", usage: all }])
    expect(turn.usage).toMatchObject(all)
    expect(turn.cost_usd).toBeCloseTo((1_000 * 4 + 500 * 20 + 20_000 * 0.2 + 4_000 * 5) / 1e6, 12)
    await claude.close()
    const other = await turnFrom([{ say: "Done.", model: "claude-haiku-5-5", usage: all }])
    expect(other.turn).toMatchObject({ model: "claude-haiku-5-5" })
    expect(other.turn.cost_usd).toBeCloseTo((1_000 * 0.1 + 500 * 0.5 + 20_000 * 0.01 + 4_000 * 0.125) / 1e6, 12)
  })

  test("is not known when nobody knows the price of the model that answered", async () => {
    expect((await turnFrom([{ say: "Done.", model: "claude-of-tomorrow" }])).turn.cost_usd).toBeNull()
  })

  test("is never more than what was to be set aside for it", async () => {
    const texts = ["plain words ", "漢字仮名交じり文", "😀🧯🪫", "x9f3kQ/1b+", '\u0000\u2028\\"', "   "]
    const model = claudeAt(await answering([{ think: "Hm.", say: "Look.", call: [call("ls"), call("ls")] }]))
    const history = [page("漢字".repeat(5_000))]
    for (const text of texts) {
      const worst_usd = model.worstCost_usd(history)!
      const { turn } = await turnOf(model, { history })
      expect(turn.cost_usd!).toBeGreaterThan(0)
      expect(worst_usd).toBeGreaterThan(turn.cost_usd!)
      const results = turn.content.flatMap((block) =>
        block.type === "tool_use"
          ? [{ type: "tool_result" as const, tool_use_id: block.id, content: text.repeat(3_000) }]
          : [],
      )
      history.push({ role: "assistant", content: turn.content }, { role: "user", content: results })
    }
  })

  test("can be as much in any language: no text has more tokens than bytes for two", () => {
    const worst = (text: string) => claudeAt({ url: "http://127.0.0.1:9", key: "k" }).worstCost_usd([page(text)])!
    const bytes = (text: string) => Buffer.byteLength(text)
    for (const text of ["漢".repeat(10_000), "😀".repeat(10_000)])
      expect(worst(text) - worst("")).toBeCloseTo(((bytes(text) / 2) * 8) / 1e6, 5)
  })

  test("is never more than what was to be set aside for it, also with all that the API may search and read", async () => {
    const settings = webSettings("shell", "web_search", "web_fetch")
    const model = claudeAt(await answering([{ say: "Found." }]), { settings })
    const history = [page("漢字".repeat(50_000))]
    await turnOf(model, { history })
    const uses = (claude.requests[0]!.body.tools as { max_uses?: number; max_content_tokens?: number }[]).slice(1)
    const [searches, fetches] = uses.map(({ max_uses }) => max_uses!) as [number, number]
    expect([searches, fetches]).toEqual([expect.any(Number), expect.any(Number)])
    expect(uses[1]!.max_content_tokens).toBeGreaterThan(0)
    // The prompt is read once for each search and page and once more, and each time all that came before as well.
    const once = 100_000 + fetches * uses[1]!.max_content_tokens!
    const usage = {
      ...{ input_tokens: once * (1 + searches + fetches), output_tokens: settings.max_tokens },
      server_tool_use: { web_search_requests: searches, web_fetch_requests: fetches },
    }
    expect(model.worstCost_usd(history)!).toBeGreaterThan(costOf(await builtInPrices(), MODEL, usage)!)
  })

  test("may be more by each search and each page that it may read, and by nothing for tools that it does not have", () => {
    const worst = (...tools: Tool[]) => claudeAt(NOBODY, { settings: webSettings(...tools) }).worstCost_usd([page()])!
    expect(worst("shell", "web_search")).toBeGreaterThan(worst("shell"))
    expect(worst("shell", "web_search")).toBeGreaterThan(worst("shell", "web_fetch"))
    expect(worst("shell", "web_search", "web_fetch")).toBeGreaterThan(worst("shell", "web_search"))
  })

  test("cannot be told beforehand where nobody knows what a search costs", async () => {
    const { text } = await builtInPrices()
    const prices = await parsePrices(text.replace(/^web_search_usd:.*$/m, ""), "no searches")
    const worst = (...tools: Tool[]) =>
      claudeAt(NOBODY, { prices, settings: webSettings(...tools) }).worstCost_usd([page()])
    expect(worst("shell", "web_search")).toBeNull()
    expect(worst("shell", "web_fetch")).toBeGreaterThan(0)
  })

  test("cannot be told beforehand where the price is not known", async () => {
    const prices = await parsePrices("as_of: 2026-11-20\nmodels: {}\n", "empty")
    expect(claudeAt({ url: "http://127.0.0.1:9", key: "k" }, { prices }).worstCost_usd([page()])).toBeNull()
  })
})

const api = (type: string) => ({ type, message: "scripted" })
const soon = { "retry-after-ms": "1" }

describe("an attempt that fails and may pass", () => {
  const table: [what: string, answer: Answer, failure: Partial<FailedAttempt>][] = [
    ["429", { status: 429, headers: soon }, { status: 429, pause_ms: 1, cost_usd: 0 }],
    ["529", { status: 529 }, { status: 529, pause_ms: 500, cost_usd: 0 }],
    ["500", { status: 500 }, { status: 500, cost_usd: 0 }],
    ["408", { status: 408 }, { status: 408 }],
    ["retry-after in seconds", { status: 529, headers: { "retry-after": "7" } }, { pause_ms: 7_000 }],
    [
      "a page from a gateway",
      { status: 502, html: "<html><title>Bad Gateway</title></html>" },
      { status: 502, reason: "502: Bad Gateway" },
    ],
    [
      "a page from a gateway as if all were well",
      { status: 200, html: "<html><title>Sign in</title></html>" },
      { status: null, reason: "200 with text/html; charset=utf-8, which is no stream of events" },
    ],
    ["an answer that is no stream", { status: 200, body: { a: 1 } }, { reason: expect.stringContaining("json") }],
    ["x-should-retry", { status: 404, headers: { "x-should-retry": "true" } }, { status: 404 }],
    ["a break before the headers", { breaks: "before" }, { status: null, cost_usd: null }],
    ["a break after the headers", { breaks: "after_headers" }, { status: null, cost_usd: null }],
    ["a break in the stream", { say: "Some words.", breaks: "in_stream" }, { status: null }],
    ["a break before the last event", { say: "Some words.", breaks: "before_stop" }, { status: null }],
    ["an end after the headers", { breaks: "after_headers", ends: "clean" }, { status: null }],
    ["an end in the stream", { say: "Some words.", breaks: "in_stream", ends: "clean" }, { status: null }],
    ["an end before the last event", { say: "Some words.", breaks: "before_stop", ends: "clean" }, { status: null }],
    [
      "overload instead of a stream",
      { error_event: api("overloaded_error"), after: "nothing" },
      { status: null, reason: "overloaded_error: scripted", cost_usd: null },
    ],
    ["overload at the start", { error_event: api("overloaded_error"), after: "start" }, { status: null }],
    ["overload in the stream", { say: "Some words.", error_event: api("overloaded_error"), after: "some" }, {}],
    ["an error of tomorrow", { error_event: api("tired_error") }, { reason: "tired_error: scripted" }],
    ["half a command", { call: shell('{"reasoning": "x", "command": "rm -rf /tmp/ju') }, {}],
    ["a call whose input is no JSON", { call: shell('{"reasoning": }') }, {}],
  ]
  for (const [what, answer, failure] of table) {
    test(`(${what}) is told of, and the same request is made once more`, async () => {
      const clock = quickClock()
      const { turn, failures } = await turnFrom([answer, { say: "Done." }], { clock })
      expect(turn.content).toMatchObject([{ text: "Done." }])
      expect(failures).toHaveLength(1)
      expect(structuredClone(failures[0])).toMatchObject({ pause_ms: 500, ...failure })
      expect(failures[0]!.reason).toMatch(/^\S.{3,}$/)
      expect(clock.slept).toEqual([failures[0]!.pause_ms!])
      expect(turn.waited_ms).toBeGreaterThanOrEqual(failures[0]!.pause_ms!)
      expect(claude.requests.map(({ text }) => text)).toEqual([claude.requests[0]!.text, claude.requests[0]!.text])
    })
  }

  test.each<[string, Answer]>([
    ["by silence before the headers", { say: "Late.", stalls_ms: 60_000, where: "before_headers" }],
    ["by silence in the middle of its stream", { say: "Some words.", stalls_ms: 60_000 }],
    ["with its last event missing", { say: "Some words.", breaks: "before_stop", ends: "clean" }],
    ["by an error in it", { say: "Some words.", error_event: api("overloaded_error"), after: "some" }],
    ["by a call that is not whole", { call: shell('{"command": "rm') }],
  ])("may have cost anything when it failed %s", async (_, answer) => {
    const { failures } = await turnFrom([answer, { say: "Done." }], { stall_ms: 500 })
    expect(failures).toMatchObject([{ status: null, cost_usd: null }])
  })

  test("may have cost anything when its connection broke in the middle of its stream", async () => {
    const text = eventTexts(events([TEXT]))
    await using server = await rawServer((socket) => {
      if (server.connections() > 1) return socket.end(streamHead + text.join(""))
      socket.write(streamHead + text.slice(0, 3).join(""))
      setTimeout(() => socket.resetAndDestroy(), 50)
    })
    const { turn, failures } = await turnOf(claudeAt({ url: server.url, key: "k" }))
    expect(turn.content).toMatchObject([{ text: "Done." }])
    expect(failures).toMatchObject([{ status: null, cost_usd: null }])
  })

  test("has cost nothing when nobody was there to connect to", async () => {
    const { url, key } = await answering([{ say: "Done." }])
    await claude.close()
    const failures: FailedAttempt[] = []
    await expect(turnOf(claudeAt({ url, key }), { failures })).rejects.toThrow(NoTurn)
    expect(failures.map(({ status, cost_usd }) => [status, cost_usd])).toEqual(Array(MAX_ATTEMPTS).fill([null, 0]))
  })

  const CALLS = [callBlock("toolu_1", "ls"), callBlock("toolu_2", "id")]
  const calls = () => events(CALLS, "tool_use")
  const change = (index: number, data: object) => {
    const changed = calls()
    changed[index] = { event: changed[index]!.event, data: { ...changed[index]!.data, ...data } }
    return changed
  }
  /** With an input that nobody can complete, in a turn that would not have it run. */
  const muddled = (all: ReturnType<typeof calls>) => {
    all[2]!.data = { ...all[2]!.data, delta: { type: "input_json_delta", partial_json: '{"reasoning": }' } }
    all[7]!.data = { ...all[7]!.data, delta: { stop_reason: "end_turn", stop_sequence: null } }
    return all
  }
  test.each<[string, RawStream["events"]]>([
    ["blocks in another order", [0, 4, 5, 6, 1, 2, 3, 7, 8].map((at) => calls()[at]!)],
    ["blocks that begin in another order", [0, 4, 1, 2, 3, 5, 6, 7, 8].map((at) => calls()[at]!)],
    ["a block that begins twice", [0, 1, 1, 2, 3, 4, 5, 6, 7, 8].map((at) => calls()[at]!)],
    ["a part of a block that never began", [0, 2, 1, 3, 4, 5, 6, 7, 8].map((at) => calls()[at]!)],
    ["a part that comes twice", [0, 1, 2, 2, 3, 4, 5, 6, 7, 8].map((at) => calls()[at]!)],
    ["two messages in one", [0, 1, 2, 3, 0, 4, 5, 6, 7, 8].map((at) => calls()[at]!)],
    ["half a call that never ends", [0, 1, 2, 7, 8].map((at) => muddled(calls())[at]!)],
    ["no stop reason", events([TEXT], null)],
    ["two calls of one id", events([CALLS[0]!, CALLS[0]!], "tool_use")],
    ["a call without an id", change(1, { content_block: { type: "tool_use", name: "shell", input: {} } })],
    ["a call without a name", change(1, { content_block: { type: "tool_use", id: "toolu_1", input: {} } })],
    ["a block without a type", change(1, { content_block: { id: "toolu_1" } })],
    ["a block that is nothing", change(1, { content_block: null })],
    ["no message", change(0, { message: null })],
    ["no model", change(0, { message: { content: [], usage: {} } })],
    ["no usage", change(0, { message: { content: [], model: MODEL } })],
    ["a use that is no number", change(0, { message: { content: [], model: MODEL, usage: { input_tokens: "many" } } })],
    ["a use below nothing", change(7, { usage: { output_tokens: -5 } })],
    ["what is no JSON", [...calls().slice(0, 3), { event: "content_block_delta", data: "{" }]],
    ["what is no object", [...calls().slice(0, 3), { event: "content_block_delta", data: "null" }]],
    ["a call that is nested too deeply", events([callOf(nested(98))], "tool_use")],
    ["a block that nobody knows, nested far too deeply", events([hologramOf(nested(5_000))])],
    ["nothing", []],
  ])("is a stream that holds %s", async (_, broken) => {
    const { turn, failures } = await turnFrom([{ events: broken }, { say: "Done." }])
    expect(turn.content).toMatchObject([{ text: "Done." }])
    expect(failures).toHaveLength(1)
  })

  test("is not a call that is nested as deeply as is allowed", async () => {
    const deep = nested(97)
    const { turn, failures } = await turnFrom([{ events: events([callOf(deep)], "tool_use") }])
    expect(failures).toEqual([])
    expect(turn.content).toMatchObject([{ type: "tool_use", input: { ...call("ls"), deep } }])
  })

  test("is repeated a bounded number of times, with pauses that grow", async () => {
    const clock = quickClock()
    const { error, failures } = await noTurnFrom([{ status: 529 }], { clock })
    expect(claude.requests).toHaveLength(MAX_ATTEMPTS)
    expect(failures).toHaveLength(MAX_ATTEMPTS)
    expect(failures.at(-1)!.pause_ms).toBeNull()
    expect(clock.slept).toEqual(failures.slice(0, -1).map(({ pause_ms }) => pause_ms!))
    expect(clock.slept).toEqual(clock.slept.toSorted((a, b) => a - b))
    expect(error.message).toBe("529 overloaded_error: Overloaded (8 attempts)")
    expect(error.unreachable).toBe(true)
  })
})

describe("an attempt that fails for good", () => {
  const TOO_LONG = {
    type: "error",
    error: { type: "invalid_request_error", message: "prompt is too long: 1200000 tokens" },
  }
  test.each<[string, Answer, boolean, string]>([
    ["400", { status: 400 }, false, "400 invalid_request_error: scripted error 400"],
    ["a prompt that is too long", { status: 400, body: TOO_LONG }, false, "prompt is too long"],
    ["403", { status: 403 }, true, "403 permission_error"],
    ["404", { status: 404 }, true, "404 not_found_error"],
    ["413", { status: 413 }, false, "413 request_too_large"],
    ["x-should-retry", { status: 529, headers: { "x-should-retry": "false" } }, true, "529"],
    ["a pause beyond reason", { status: 429, headers: { "retry-after": "86400" } }, true, "24 h 00 m"],
    ["a bad request in the stream", { error_event: api("invalid_request_error") }, false, "scripted"],
    ["a wrong key in the stream", { error_event: api("authentication_error") }, true, "scripted"],
  ])("(%s) is not repeated", async (_, answer, unreachable, message) => {
    const clock = quickClock()
    const { error, failures } = await noTurnFrom([answer, { say: "Done." }], { clock })
    expect(error.unreachable).toBe(unreachable)
    expect(error.message).toContain(message)
    expect(failures).toMatchObject([{ pause_ms: null, cost_usd: 0 }])
    expect(claude.requests).toHaveLength(1)
    expect(clock.slept).toEqual([])
  })
})

describe("the key", () => {
  test("is sent once more as x-api-key to a gateway that wants it so, and from then on", async () => {
    const model = claudeAt(await answering([{ say: "Done." }], "x-api-key"))
    const { turn, failures } = await turnOf(model)
    expect(turn.content).toMatchObject([{ text: "Done." }])
    expect(failures).toMatchObject([{ status: 401, pause_ms: 0, cost_usd: 0 }])
    expect((await turnOf(model, { history: [page("Another one.")] })).failures).toEqual([])
    expect(claude.requests.map(({ headers }) => headers["x-api-key"])).toEqual([claude.key, claude.key])
    expect(claude.requests[0]!.headers).not.toHaveProperty("authorization")
  })

  test("is sent as a bearer token first", async () => {
    await turnOf(claudeAt(await answering([{ say: "Done." }], "bearer")))
    expect(claude.requests[0]!.headers).not.toHaveProperty("x-api-key")
  })

  test("that is wrong is tried both ways, and no more", async () => {
    const seen: string[] = []
    using server = Bun.serve({
      ...{ hostname: "127.0.0.1", port: 0, reusePort: false, development: false },
      fetch: ({ headers }) => {
        seen.push(headers.has("authorization") ? "bearer" : headers.has("x-api-key") ? "x-api-key" : "none")
        return Response.json({ type: "error", error: api("authentication_error") }, { status: 401 })
      },
    })
    const failures: FailedAttempt[] = []
    const model = claudeAt({ url: server.url.href, key: "wrong" })
    const error: unknown = await turnOf(model, { failures }).catch((error: unknown) => error)
    expect(error).toMatchObject({ unreachable: true, message: "401 authentication_error: scripted (2 attempts)" })
    expect(seen).toEqual(["bearer", "x-api-key"])
    expect(failures.map(({ pause_ms }) => pause_ms)).toEqual([0, null])
    await expect(turnOf(model)).rejects.toThrow("401")
    expect(seen).toHaveLength(3)
  })

  test("is not tried in another way after the last attempt", async () => {
    const answers: Answer[] = [
      ...Array<Answer>(MAX_ATTEMPTS - 1).fill({ status: 529 }),
      { status: 401 },
      { say: "Done." },
    ]
    const { error } = await noTurnFrom(answers)
    expect(error.message).toContain("401")
    expect(claude.requests).toHaveLength(MAX_ATTEMPTS)
  })

  test("that is missing is a lack of the environment, with what to do", async () => {
    for (const env of [{}, { ANTHROPIC_API_KEY: " " }]) {
      const model = claudeAt({ url: "http://127.0.0.1:9", key: "" }, { env })
      const error: unknown = await turnOf(model).catch((error: unknown) => error)
      expect(error).toBeInstanceOf(EnvironmentError)
      expect(exitCode(error)).toBe(4)
      expect((error as EnvironmentError).hint).toContain("export ANTHROPIC_API_KEY")
      expect(() => requireKey(env)).toThrow(EnvironmentError)
    }
    expect(requireKey({ ANTHROPIC_API_KEY: "", ANTHROPIC_AUTH_TOKEN: " token " })).toBe("token")
  })

  test.each(["sk-a\nsk-b", "“sk-a”", "sk-ä", "sk a", "sk-\0"])(
    "that no header can hold (%j) is a lack of the environment, and is not shown",
    async (key) => {
      const asking = turnOf(claudeAt({ url: "http://127.0.0.1:9", key }))
      const error = (await asking.catch((error: unknown) => error)) as EnvironmentError
      expect(error).toBeInstanceOf(EnvironmentError)
      expect(error.hint).toContain("export ANTHROPIC_API_KEY")
      expect(`${error.message} ${error.hint}`).not.toContain(key)
      expect(() => requireKey({ ANTHROPIC_AUTH_TOKEN: key })).toThrow(EnvironmentError)
    },
  )

  test("is taken out of what a gateway says, however it says it", async () => {
    const key = "sk-quoted-by-a-gateway"
    const said = `${key} is nobody's key`
    const answers: Answer[] = [
      { status: 529, body: { type: "error", error: { type: "overloaded_error", message: said } } },
      { status: 502, html: `<html><title>${said}</title></html>` },
      { say: "Some words.", error_event: { type: "api_error", message: said }, after: "some" },
      { status: 403, body: said },
    ]
    await answering(answers)
    const support = join(import.meta.dir, "support/claude-model.ts")
    const script = `const { claudeAt, turnOf } = await import(${JSON.stringify(support)})
      const failures = []
      const at = { url: ${JSON.stringify(claude.url)}, key: ${JSON.stringify(claude.key)} }
      const error = await turnOf(claudeAt(at), { failures }).catch((error) => error)
      console.log(JSON.stringify([...failures.map(({ reason }) => reason), error.message]))`
    const env = { PATH: Bun.env.PATH ?? "", ANTHROPIC_API_KEY: key }
    const child = Bun.spawn([process.execPath, "-e", script], { env, stdout: "pipe", stderr: "pipe", timeout: 20_000 })
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
    expect({ stderr, exit_code: await child.exited }).toEqual({ stderr: "", exit_code: 0 })
    expect(JSON.parse(stdout)).toEqual([
      "529 overloaded_error: [redacted] is nobody's key",
      "502: [redacted] is nobody's key",
      "api_error: [redacted] is nobody's key",
      "403 [redacted] is nobody's key",
      "403 [redacted] is nobody's key (4 attempts)",
    ])
  })
})

describe("silence", () => {
  test.each(["before_headers", "in_stream"] as const)("%s ends the attempt, and another one is made", async (where) => {
    const { turn, failures } = await turnFrom([{ say: "Late.", stalls_ms: 60_000, where }, { say: "Done." }], {
      stall_ms: 100,
    })
    expect(turn.content).toMatchObject([{ text: "Done." }])
    expect(failures).toMatchObject([{ status: null, reason: "not a byte for 0.1 s" }])
  })

  test("in the middle of an error ends the attempt as well", async () => {
    const half = (socket: Socket) => socket.write("HTTP/1.1 500 Oh\r\ncontent-length: 99\r\n\r\nhalf")
    await using server = await rawServer(half)
    const failures: FailedAttempt[] = []
    const asking = turnOf(claudeAt({ url: server.url, key: "k" }, { stall_ms: 30 }), { failures })
    await expect(asking).rejects.toThrow("not a byte for 0.03 s (8 attempts)")
    expect(failures).toHaveLength(MAX_ATTEMPTS)
  })

  test("with pings in it is none", async () => {
    const { turn, failures } = await turnFrom([{ say: "Late.", stalls_ms: 1_500, pings: true }], { stall_ms: 750 })
    expect(turn.content).toMatchObject([{ text: "Late." }])
    expect(failures).toEqual([])
  })
})

describe("an interruption", () => {
  const PROMPT_MS = 5_000

  /** Interrupts when the request has arrived, and some more has happened. */
  async function interrupted(answer: Answer, after: (failures: FailedAttempt[]) => boolean = () => true) {
    const stop = new AbortController()
    const failures: FailedAttempt[] = []
    const model = claudeAt(await answering([answer]), { clock: systemClock })
    const asking = turnOf(model, { signal: stop.signal, failures }).catch((error: unknown) => ({ error }))
    const ready = () => claude.served_ms.length > 0 && after(failures)
    expect(await waitUntil(ready, { timeout_ms: 10_000, every_ms: 5 })).toBe(true)
    await Bun.sleep(50)
    const stopped_ms = performance.now()
    stop.abort("enough")
    expect(await asking).toEqual({ error: "enough" })
    expect(performance.now() - stopped_ms).toBeLessThan(PROMPT_MS)
    await Bun.sleep(50)
    expect(claude.requests).toHaveLength(1)
    return failures
  }

  test("of a stream ends it at once, and nobody says what it had used", async () => {
    const failures = await interrupted({ say: "Some words.", stalls_ms: 60_000, where: "in_stream" })
    expect(failures).toEqual([{ reason: "interrupted", status: null, pause_ms: null, cost_usd: null }])
  })

  test("before the headers ends the attempt at once", async () => {
    const failures = await interrupted({ stalls_ms: 60_000, where: "before_headers" })
    expect(failures).toMatchObject([{ reason: "interrupted", cost_usd: null }])
  })

  test("of a pause ends it at once", async () => {
    const failures = await interrupted(
      { status: 529, headers: { "retry-after": "100" } },
      (failures) => failures.length > 0,
    )
    expect(failures).toMatchObject([{ status: 529, pause_ms: 100_000 }])
  })

  test("that came before the turn sends nothing", async () => {
    const model = claudeAt(await answering([{ say: "Done." }]))
    await expect(turnOf(model, { signal: AbortSignal.abort("enough") })).rejects.toBe("enough")
    expect(claude.requests).toEqual([])
  })
})

describe("a long life", () => {
  test("of a thousand turns on one signal leaves nothing behind for each of them", async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = ((...words: Parameters<typeof add>) => (listeners++, add(...words))) as typeof add
    signal.removeEventListener = ((...words: Parameters<typeof add>) => (listeners--, remove(...words))) as typeof add
    let asked = 0
    claude = await startScriptedClaude({
      record: false,
      answers: () => (asked++ % 10 === 0 ? { status: 529, headers: soon } : { say: "Done." }),
    })
    const model = claudeAt(claude, { clock: systemClock })
    const counts = () => {
      Bun.gc(true)
      const { AbortSignal = 0, AbortController = 0, ReadableStream = 0, Promise = 0 } = heapStats().objectTypeCounts
      return { AbortSignal, AbortController, ReadableStream, Promise }
    }
    const turns = async (count: number) => {
      for (let turn = 0; turn < count; turn++) await turnOf(model, { signal })
      await Bun.sleep(50)
      return counts()
    }
    const before = await turns(100)
    const after = await turns(1_000)
    expect(listeners).toBeLessThan(5)
    for (const name of Object.keys(before) as (keyof typeof before)[])
      expect(`${name}: ${Math.max(0, after[name] - before[name]) < 200}`).toBe(`${name}: true`)
  })

  test("ends with the work: no timer and no connection keeps a process alive", async () => {
    await answering([{ status: 529, headers: soon }, { say: "Late.", stalls_ms: 60_000 }, { say: "Done." }])
    const support = join(import.meta.dir, "support/claude-model.ts")
    const script = `const { claudeAt, turnOf } = await import(${JSON.stringify(support)})
      const at = { url: ${JSON.stringify(claude.url)}, key: ${JSON.stringify(claude.key)} }
      const { turn, failures } = await turnOf(claudeAt(at, { stall_ms: 100 }))
      console.log(failures.length, turn.content[0].text)`
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe", timeout: 20_000 })
    expect(await child.stdout.text()).toBe("2 Done.\n")
    expect(await child.stderr.text()).toBe("")
    expect([await child.exited, child.signalCode]).toEqual([0, null])
  })
})
