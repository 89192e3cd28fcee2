import Anthropic from "@anthropic-ai/sdk"
import { describe, expect, test } from "bun:test"
import { agentRequest, ask, assistant, clientOf, post, resultsFor, SHELL, user } from "./asking.ts"
import type { Answer, Block, Script } from "./script.ts"
import { type ScriptedClaude, startScriptedClaude } from "./server.ts"

const LOOK = { reasoning: "Look first.", command: "ls" }

describe("a turn", () => {
  test("arrives through the SDK block by block, as the script says it", async () => {
    const say = "Grüße 😀, this is long enough to come in several pieces. 😀😀😀"
    const script = [{ think: "What is wrong?", say, call: [LOOK, { name: "other", input: { b: 1, a: [2.5, null] } }] }]
    await using claude = await startScriptedClaude({ script })
    const { content, stop_reason, model } = await ask(claude)
    expect(content.map(({ type }) => type)).toEqual(["thinking", "text", "tool_use", "tool_use"])
    expect(content[0]).toMatchObject({ thinking: "What is wrong?", signature: expect.stringMatching(/^Eq.{20,}==$/) })
    expect(content[1]!.text).toBe(say)
    expect(content[2]).toMatchObject({ name: "shell", input: LOOK, caller: { type: "direct" } })
    expect(content[3]).toMatchObject({ name: "other", input: { b: 1, a: [2.5, null] } })
    expect(content[2]!.id).not.toBe(content[3]!.id)
    expect([stop_reason, model]).toEqual(["tool_use", "claude-opus-5-5"])
    expect(claude.violations).toEqual([])
  })

  test("comes as events whose texts are cut into several deltas", async () => {
    await using claude = await startScriptedClaude({
      script: [{ say: "A sentence that is cut in pieces.", pings: true }],
    })
    const response = await post(claude, agentRequest())
    expect(response.headers.get("content-type")).toStartWith("text/event-stream")
    expect(response.headers.get("request-id")).toBe(claude.requests[0]!.request_id)
    const types = [...(await response.text()).matchAll(/^event: (\w+)$/gm)].map(([, type]) => type)
    const deltas = types.filter((type) => type === "content_block_delta")
    expect(deltas.length).toBeGreaterThan(1)
    const rest = types.filter((type) => type !== "content_block_delta")
    const block = ["content_block_start", "content_block_stop"]
    expect(rest).toEqual(["message_start", "ping", ...block, "message_delta", "message_stop"])
  })

  test("may stop for any reason, with details, and by another model than asked", async () => {
    const stop_details = { type: "refusal", category: "cyber", explanation: null }
    const answers: Answer[] = [
      { stop_reason: "refusal", stop_details, model: "claude-haiku-5-5" },
      { say: "cut", stop_reason: "model_context_window_exceeded" },
      { say: "odd", stop_reason: "a_reason_of_tomorrow" },
    ]
    await using claude = await startScriptedClaude({ scripts: answers.map((answer) => [answer]) })
    expect(await ask(claude)).toMatchObject({
      stop_reason: "refusal",
      stop_details,
      model: "claude-haiku-5-5",
      content: [],
    })
    expect((await ask(claude)).stop_reason).toBe("model_context_window_exceeded")
    expect((await ask(claude)).stop_reason).toBe("a_reason_of_tomorrow")
  })

  test("shows what it thinks only to those who ask for it", async () => {
    await using claude = await startScriptedClaude({ script: [{ think: "A thought.", say: "Done." }] })
    const [block] = (await ask(claude, agentRequest(undefined, { thinking: { type: "adaptive" } }))).content
    expect(block).toMatchObject({ type: "thinking", thinking: "" })
    expect(block!.signature).not.toBe("")
  })

  test("may hold searches of the server's own, and any other block", async () => {
    const blocks: Block[] = [
      { type: "redacted_thinking", data: "abc" },
      {
        type: "server_tool_use",
        id: "srvtoolu_1",
        name: "web_search",
        caller: { type: "direct" },
        input: { query: "etcd" },
      },
      { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", caller: { type: "direct" }, content: [] },
    ]
    await using claude = await startScriptedClaude({
      script: [{ blocks, stop_reason: "pause_turn" }, { say: "Found." }],
    })
    const first = await ask(claude)
    expect(first.content).toEqual(blocks)
    expect(first.usage.server_tool_use).toMatchObject({ web_search_requests: 1 })
    const again = agentRequest([...agentRequest().messages, assistant(first.content)])
    expect((await ask(claude, again)).content[0]!.text).toBe("Found.")
    expect(claude.violations).toEqual([])
  })

  test("carries a call's JSON text as it is, broken or cut off", async () => {
    const json = '{"reasoning": "Start it.", "command": "systemctl sta'
    await using claude = await startScriptedClaude({
      script: [{ call: { name: "shell", json }, stop_reason: "max_tokens" }],
    })
    const text = await (await post(claude, agentRequest())).text()
    const parts = [...text.matchAll(/"partial_json":("(?:[^"\\]|\\.)*")/g)].map(
      ([, part]) => JSON.parse(part!) as string,
    )
    expect(parts.length).toBeGreaterThan(1)
    expect(parts.join("")).toBe(json)
    expect(text).toContain('"stop_reason":"max_tokens"')
  })

  for (const chunks of ["events", "bytes", "crlf"] as const) {
    test(`written in ${chunks} is the same turn`, async () => {
      await using claude = await startScriptedClaude({
        script: [{ think: "Ü", say: "Grüße 😀", call: LOOK, chunks, pings: true }],
      })
      const { content } = await ask(claude)
      expect(content.map(({ thinking, text, input }) => thinking ?? text ?? input)).toEqual(["Ü", "Grüße 😀", LOOK])
    })
  }

  test("written in bytes arrives in many packets", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "é", chunks: "bytes" }] })
    let packets = 0
    for await (const _ of (await post(claude, agentRequest())).body!) packets += 1
    expect(packets).toBeGreaterThan(10)
  })

  test("that is not streamed is one JSON message", async () => {
    await using claude = await startScriptedClaude({ aside: () => ({ think: "Hm.", say: "Short." }) })
    const message = await clientOf(claude).messages.create({
      model: "claude-haiku-5-5",
      max_tokens: 100,
      messages: [{ role: "user", content: "Sum it up." }],
    })
    expect(message).toMatchObject({ model: "claude-haiku-5-5", stop_reason: "end_turn", role: "assistant" })
    expect(message.content.at(-1)).toMatchObject({ type: "text", text: "Short." })
    expect(claude.requests[0]!.conversation).toBeNull()
  })
})

describe("usage", () => {
  test("counts the prefix as read from the cache from the second turn on", async () => {
    await using claude = await startScriptedClaude({ script: [{ call: LOOK }, { say: "Done." }] })
    const first = await ask(claude)
    expect(first.usage).toMatchObject({ cache_read_input_tokens: 0, input_tokens: 4 })
    const written = Number(first.usage.cache_creation_input_tokens)
    expect(written).toBeGreaterThan(100)
    expect(first.usage.cache_creation).toEqual({ ephemeral_5m_input_tokens: written, ephemeral_1h_input_tokens: 0 })
    const second = await ask(claude, following(first.content))
    expect(second.usage.cache_read_input_tokens).toBe(written + 4)
    expect(second.usage.cache_creation_input_tokens).toBeGreaterThan(0)
  })

  test("knows no cache when none is asked for", async () => {
    await using claude = await startScriptedClaude({ script: [{ call: LOOK }, { say: "Done." }] })
    const bare = { cache_control: undefined }
    const { content } = await ask(claude, agentRequest(undefined, bare))
    const { usage } = await ask(claude, { ...following(content), ...bare })
    expect(usage).toMatchObject({ cache_read_input_tokens: 0, cache_creation_input_tokens: 0 })
    expect(usage.input_tokens).toBeGreaterThan(100)
  })

  test("is what the script says where it says something", async () => {
    await using claude = await startScriptedClaude({
      script: [{ say: "Done.", usage: { output_tokens: 77, input_tokens: 5 } }],
    })
    expect((await ask(claude)).usage).toMatchObject({ output_tokens: 77, input_tokens: 5, cache_read_input_tokens: 0 })
  })
})

describe("a failure", () => {
  const classes = {
    400: Anthropic.BadRequestError,
    401: Anthropic.AuthenticationError,
    429: Anthropic.RateLimitError,
    500: Anthropic.InternalServerError,
    529: Anthropic.APIError,
  }
  for (const [status, Class] of Object.entries(classes)) {
    test(`of status ${status} is the SDK's own error, with the API's body`, async () => {
      await using claude = await startScriptedClaude({ script: [{ status: Number(status) }] })
      const error = await failing(claude)
      expect(error).toBeInstanceOf(Class)
      expect(error).toMatchObject({ status: Number(status), requestID: claude.requests[0]!.request_id })
      expect((error as { type?: string }).type).toMatch(/_error$/)
    })
  }

  test("carries headers, a body of its own or a page", async () => {
    const script = [
      { status: 529, headers: { "retry-after": "0", "x-odd": "1" }, body: { error: { type: "odd", message: "Odd." } } },
      { status: 502, html: "<h1>Bad gateway</h1>" },
      { status: 500, body: "not JSON" },
    ]
    await using claude = await startScriptedClaude({ script })
    const [a, b, c] = [
      await post(claude, agentRequest()),
      await post(claude, agentRequest()),
      await post(claude, agentRequest()),
    ]
    expect([a!.headers.get("retry-after"), a!.headers.get("x-odd")]).toEqual(["0", "1"])
    expect(await a!.json()).toEqual({ error: { type: "odd", message: "Odd." } })
    expect([b!.status, b!.headers.get("content-type"), await b!.text()]).toEqual([
      502,
      "text/html; charset=utf-8",
      "<h1>Bad gateway</h1>",
    ])
    expect(await c!.text()).toBe("not JSON")
  })

  test("takes the script's next answer when the SDK tries again", async () => {
    const headers = { "retry-after-ms": "1" }
    await using claude = await startScriptedClaude({
      script: [{ status: 429, headers }, { status: 529, headers }, { say: "Now." }],
    })
    const { stream: _, ...body } = agentRequest()
    const client = clientOf(claude, { maxRetries: 2 })
    expect(await client.messages.stream(body as never).finalText()).toBe("Now.")
    expect(claude.requests.map(({ conversation, index }) => [conversation, index])).toEqual([
      [1, 0],
      [1, 1],
      [1, 2],
    ])
    expect(claude.violations).toEqual([])
  })
})

describe("a break", () => {
  test("before any byte is a connection error", async () => {
    await using claude = await startScriptedClaude({ script: [{ breaks: "before" }] })
    expect(await failing(claude)).toBeInstanceOf(Anthropic.APIConnectionError)
  })

  for (const breaks of ["after_headers", "in_stream", "before_stop"] as const) {
    for (const ends of ["destroy", "clean"] as const) {
      test(`${breaks} with a ${ends} end leaves the SDK without a message`, async () => {
        await using claude = await startScriptedClaude({
          script: [{ say: "A sentence that is cut.", call: LOOK, breaks, ends }],
        })
        expect(await failing(claude)).toBeInstanceOf(Error)
        expect(claude.violations).toEqual([])
      })
    }
  }

  test("in the stream comes in the middle of a block, and before the stop after everything else", async () => {
    const turn = { say: "A sentence that is long enough to be cut.", ends: "clean" } as const
    await using claude = await startScriptedClaude({
      script: [
        { ...turn, breaks: "in_stream" },
        { ...turn, breaks: "before_stop" },
      ],
    })
    const [middle, end] = [await textOf(claude), await textOf(claude)]
    expect(middle).toContain("content_block_delta")
    expect(middle).not.toContain("content_block_stop")
    expect(end).toContain("message_delta")
    expect(end).not.toContain("message_stop")
  })

  test("that destroys the connection is seen as one", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "A sentence.", breaks: "in_stream" }] })
    await expect(textOf(claude)).rejects.toThrow()
  })

  test("may be an error event, at the beginning or in the middle", async () => {
    const error_event = { type: "overloaded_error", message: "Overloaded" }
    const say = "A sentence that is long enough to be cut."
    await using claude = await startScriptedClaude({
      script: [
        { say, error_event, after: "nothing" },
        { say, error_event },
        { say, error_event, after: "some" },
      ],
    })
    expect(await failing(claude)).toMatchObject({ status: undefined, type: "overloaded_error" })
    expect(await textOf(claude)).toMatch(/^event: message_start\n.*\n\nevent: error\n.*\n\n$/)
    expect(await textOf(claude)).toMatch(/event: content_block_delta\n.*\n\nevent: error\n.*\n\n$/)
  })
})

describe("a stall", () => {
  for (const where of ["before_headers", "in_stream"] as const) {
    test(`${where} ends when the client goes away`, async () => {
      const stall: Answer = { say: "Late.", stalls_ms: 3_600_000, where, pings: true }
      await using claude = await startScriptedClaude({ script: [stall, { say: "Now." }] })
      const { stream: _, ...body } = agentRequest()
      const stream = clientOf(claude).messages.stream(body as never)
      if (where === "in_stream") await new Promise((resolve) => stream.once("streamEvent", resolve))
      else await until(() => claude.requests.length === 1)
      stream.abort()
      await expect(stream.done()).rejects.toBeInstanceOf(Anthropic.APIUserAbortError)
      expect((await ask(claude)).content[0]!.text).toBe("Now.")
    })
  }

  test("goes on after its time, with pings meanwhile", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "Late.", stalls_ms: 30, pings: true }] })
    const text = await textOf(claude)
    expect(text.match(/event: ping/g)!.length).toBeGreaterThan(5)
    expect(text).toContain("event: message_stop")
  })

  test("doesn't hold up the server's end", async () => {
    const claude = await startScriptedClaude({
      script: [{ say: "Late.", stalls_ms: 3_600_000, where: "before_headers" }],
    })
    const asked = post(claude, agentRequest()).catch((error: unknown) => error)
    await until(() => claude.requests.length === 1)
    await claude.close()
    expect(await asked).toBeInstanceOf(Error)
  })
})

describe("a raw stream", () => {
  test("is written as it is", async () => {
    const events = [{ event: "odd", data: "not JSON" }, { data: { a: 1 } }, { event: "two", data: "lines\nhere" }]
    await using claude = await startScriptedClaude({ script: [{ events }] })
    expect(await textOf(claude)).toBe(
      'event: odd\ndata: not JSON\n\ndata: {"a":1}\n\nevent: two\ndata: lines\ndata: here\n\n',
    )
  })
})

describe("scripts", () => {
  test("are told apart by conversation, interleaved though they be", async () => {
    const script = (name: string): Script => [{ call: { ...LOOK, command: name } }, { say: name }]
    await using claude = await startScriptedClaude({ scripts: [script("one"), script("two")] })
    const [one, two] = [await ask(claude), await ask(claude)]
    expect([one, two].map(({ content }) => (content[0]!.input as typeof LOOK).command)).toEqual(["one", "two"])
    expect((await ask(claude, following(one.content))).content[0]!.text).toBe("one")
    expect((await ask(claude, following(two.content))).content[0]!.text).toBe("two")
    expect(claude.violations).toEqual([])
  })

  test("that are over are a violation, and so is a conversation without one", async () => {
    await using claude = await startScriptedClaude({ scripts: [[{ call: LOOK }]] })
    const { content } = await ask(claude)
    expect(await failing(claude, following(content))).toBeInstanceOf(Anthropic.BadRequestError)
    expect(await failing(claude, agentRequest([user("Another lab.")]))).toBeInstanceOf(Anthropic.BadRequestError)
    expect(claude.violations).toEqual([
      "conversation 1, answer 1: the script of conversation 1 is over after 1 answers",
      "conversation 2, answer 0: there is no script for conversation 2",
    ])
  })

  test("may be functions of the request", async () => {
    await using claude = await startScriptedClaude({
      script: [({ body }) => ({ call: { ...LOOK, command: String(body.system) } }), async () => ({ say: "Late." })],
    })
    const { content } = await ask(claude)
    expect(content[0]!.input).toMatchObject({ command: "You are on call." })
    expect((await ask(claude, following(content))).content[0]!.text).toBe("Late.")
  })

  test("may be one function of the request and its index", async () => {
    await using claude = await startScriptedClaude({
      answers: (_, index) => (index < 2 ? { call: LOOK } : { say: `${index}` }),
    })
    let request = agentRequest()
    for (let turn = 0; turn < 2; turn++) request = following((await ask(claude, request)).content, request)
    expect((await ask(claude, request)).content[0]!.text).toBe("2")
  })
})

describe("the server", () => {
  test("answers 401 to a wrong key, which is no violation", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "Done." }], key: "right", auth: "x-api-key" })
    expect((await post(claude, agentRequest(), { authorization: "", "x-api-key": "wrong" })).status).toBe(401)
    expect((await post(claude, agentRequest(), { authorization: "Bearer right" })).status).toBe(401)
    expect((await post(claude, agentRequest(), { "x-api-key": "right" })).status).toBe(200)
    expect(claude.violations).toEqual([])
  })

  test("knows some models, and not others", async () => {
    await using claude = await startScriptedClaude()
    expect(await clientOf(claude).models.retrieve("claude-opus-5-5")).toMatchObject({ id: "claude-opus-5-5" })
    for (const path of ["/v1/models/claude-nobody", "/v1/complete"]) {
      const answer = await fetch(claude.url + path, { headers: { "x-api-key": claude.key } })
      expect([answer.status, await answer.json()]).toMatchObject([404, { error: { type: "not_found_error" } }])
    }
  })

  test("serves a long conversation without keeping its requests, in little time of its own", async () => {
    const turns = 300
    await using claude = await startScriptedClaude({
      answers: (_, index) => (index < turns ? { think: "Hm.", call: LOOK } : { say: "Done." }),
      record: false,
    })
    let request = agentRequest()
    for (let turn = 0; turn < turns; turn++) request = following((await ask(claude, request)).content, request)
    expect((await ask(claude, request)).content[0]!.text).toBe("Done.")
    expect([claude.violations, claude.requests]).toEqual([[], []])
    const sorted = claude.served_ms.toSorted((a, b) => a - b)
    expect(sorted).toHaveLength(turns + 1)
    expect(sorted[turns / 2]).toBeLessThan(20)
  })

  test("reads a long request in many packets, and refuses one that is too long", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "Done." }] })
    expect((await post(claude, agentRequest([user("é".repeat(2_000_000))]))).status).toBe(200)
    const answer = await post(claude, "x".repeat(33 * 1024 * 1024)).then(
      ({ status }) => status,
      () => 413,
    )
    expect(answer).toBe(413)
  })

  test("shows what an agent has declared", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "Done." }] })
    await ask(claude)
    expect(claude.requests[0]!.body.tools).toEqual([SHELL])
    expect(claude.requests[0]!.headers["anthropic-version"]).toBe("2026-10-21")
  })
})

// internal

/** The request that follows a turn whose calls were all run. */
function following(content: Block[], request = agentRequest()) {
  return agentRequest([...request.messages, assistant(content), resultsFor(content)])
}

function failing(claude: ScriptedClaude, request = agentRequest()): Promise<unknown> {
  return ask(claude, request).then(
    () => "no error",
    (error: unknown) => error,
  )
}

async function textOf(claude: ScriptedClaude): Promise<string> {
  return (await post(claude, agentRequest())).text()
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(1)
}
