import { describe, expect, test } from "bun:test"
import { agentRequest, ask, assistant, post, resultsFor, SHELL, user } from "./asking.ts"
import type { Block, Message, MessagesRequest, Script } from "./script.ts"
import { type ScriptedClaude, startScriptedClaude } from "./server.ts"
import { checkHeaders, checkOptions, checkShellTool } from "./strict.ts"

const LOOK = { reasoning: "Look first.", command: "ls" }
const TWO_CALLS: Script = [{ think: "Hm.", say: "I look.", call: [LOOK, LOOK] }, { say: "Done." }]

describe("headers", () => {
  test("name the version of the API", () => {
    const honest = { "anthropic-version": "2026-10-21", "content-type": "application/json" }
    expect(checkHeaders(honest)).toEqual([])
    expect(checkHeaders({ ...honest, "anthropic-version": "2023-06-01" })).toHaveLength(1)
    expect(checkHeaders({ "content-type": "application/json" })).toHaveLength(1)
    expect(checkHeaders({ ...honest, "content-type": "text/plain" })).toHaveLength(1)
  })

  test("that are wrong are answered with 400 and recorded", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "Done." }] })
    const answer = await post(claude, agentRequest(), { "anthropic-version": "2023-06-01" })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", message: "anthropic-version: 2023-06-01, not 2026-10-21" },
    })
    expect(claude.violations).toHaveLength(1)
  })
})

describe("options", () => {
  const wrong = (more: object, agent = true) => checkOptions(agentRequest(undefined, more), { agent })

  test("of an honest agent are right", () => {
    expect(wrong({})).toEqual([])
    expect(wrong({ output_config: { effort: "high" }, tool_choice: { type: "auto" }, diagnostics: {} })).toEqual([])
  })

  test("that the API refuses are named", () => {
    for (const name of ["temperature", "top_p", "top_k", "thread", "fallbacks", "parsed_output"])
      expect(wrong({ [name]: null })).toEqual([`${name}: Extra inputs are not permitted`])
    expect(checkOptions(agentRequest(undefined, { fallbacks: [] }), { agent: true, beta: true })).toEqual([])
    expect(checkOptions(agentRequest(undefined, { top_k: 1 }), { agent: true, beta: true })).toHaveLength(1)
  })

  test("need an answer's bound, a model and messages", () => {
    for (const max_tokens of [undefined, 0, "9", 1.5]) expect(wrong({ max_tokens })).toHaveLength(1)
    for (const model of [undefined, ""]) expect(wrong({ model })).toHaveLength(1)
    for (const messages of [undefined, []]) expect(wrong({ messages })).toHaveLength(1)
  })

  test("don't tell a model that thinks in any case how to think, or that it must call", () => {
    for (const model of ["claude-opus-5-5", "claude-fable-5-2"]) {
      for (const type of ["enabled", "disabled"]) expect(wrong({ model, thinking: { type } })).toHaveLength(1)
      for (const type of ["any", "tool"]) expect(wrong({ model, tool_choice: { type } })).toHaveLength(1)
    }
    expect(wrong({ model: "claude-haiku-5-5", thinking: { type: "disabled" }, tool_choice: { type: "any" } })).toEqual(
      [],
    )
  })

  test("of an agent ask for a stream, and those of an aside need not", () => {
    expect(wrong({ stream: false })).toHaveLength(1)
    expect(wrong({ stream: undefined, tools: undefined }, false)).toEqual([])
    expect(wrong({ stream: undefined, tools: undefined }, true)).toHaveLength(2)
  })
})

describe("the shell tool", () => {
  const wrong = (more: object, schema: object = {}) =>
    checkShellTool([{ ...SHELL, ...more, input_schema: { ...SHELL.input_schema, ...schema } }])
  const { reasoning, command } = SHELL.input_schema.properties

  test("is strict, and puts the reason before the act", () => {
    expect(wrong({})).toEqual([])
    expect(wrong({ strict: false })).toHaveLength(1)
    expect(wrong({ name: "bash" })).toHaveLength(1)
    expect(wrong({}, { additionalProperties: undefined })).toHaveLength(1)
    expect(wrong({}, { required: ["command"] })).toHaveLength(1)
    expect(wrong({}, { properties: { command, reasoning } })).toHaveLength(1)
    expect(wrong({}, { properties: { reasoning, command, timeout: {} } })).toHaveLength(1)
    expect(checkShellTool(undefined)).toHaveLength(1)
  })
})

describe("a history", () => {
  test("that only grows is right, whether its text is laid out as before or not", async () => {
    await using claude = await startScriptedClaude({
      answers: (_, index) => (index < 3 ? { call: LOOK } : { say: "Done." }),
    })
    let request = agentRequest()
    for (let turn = 0; turn < 4; turn++) {
      const body = turn % 2 === 0 ? JSON.stringify(request) : JSON.stringify(request, null, 2)
      const answer = await post(claude, body)
      expect(answer.status).toBe(200)
      const served = contentOf(await answer.text())
      if (turn < 3) request = grow(request, assistant(served), resultsFor(served))
    }
    expect(claude.violations).toEqual([])
  })

  test("may carry a diagnostic that differs each time", async () => {
    await using claude = await startScriptedClaude({ script: TWO_CALLS })
    const first = agentRequest(undefined, { diagnostics: { previous_message_id: null } })
    const { id, content } = await ask(claude, first)
    await ask(claude, {
      ...grow(first, assistant(content), resultsFor(content)),
      diagnostics: { previous_message_id: id },
    })
    expect(claude.violations).toEqual([])
  })

  test("may order the names in a block as it likes", async () => {
    await refused([], (content) => [assistant(content.map(turnedRound)), resultsFor(content)])
  })

  test("may go on with any message after a turn without calls", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "Done." }, { say: "Really." }] })
    const { content } = await ask(claude)
    await ask(claude, grow(agentRequest(), assistant(content), user("Are you sure?")))
    expect(claude.violations).toEqual([])
  })

  test("keeps what was said first", async () => {
    await refused(["messages[0]: changed"], (content) => [assistant(content), resultsFor(content)], {
      messages: [user("The lab is down!")],
    })
  })

  test("keeps its options", async () => {
    const fits = (content: Block[]) => [assistant(content), resultsFor(content)]
    await refused(["system: changed"], fits, { system: "You are on call. It is 12:00." })
    await refused(["model: changed"], fits, { model: "claude-sonnet-5-5" })
    await refused(["max_tokens: changed"], fits, { max_tokens: 1 })
    await refused(["tools: changed"], fits, { tools: [{ ...SHELL, description: "Another" }] })
    await refused(["tools: there is no shell tool", "tools: changed"], fits, { tools: undefined })
    await refused(["output_config: changed"], fits, { output_config: { effort: "low" } })
  })

  test("keeps its options, though a changed text be as long as before", async () => {
    await using claude = await startScriptedClaude({ script: TWO_CALLS })
    const first = agentRequest(undefined, { output_config: { effort: "low" } })
    const { content } = await ask(claude, first)
    const second = grow(first, assistant(content), resultsFor(content))
    expect((await post(claude, { ...second, output_config: { effort: "max" } })).status).toBe(400)
    expect(claude.violations).toEqual(["conversation 1, answer 1: output_config: changed within the conversation"])
  })

  test("never gets shorter", async () => {
    await using claude = await startScriptedClaude({ answers: () => ({ call: LOOK }) })
    let request = agentRequest()
    for (let turn = 0; turn < 3; turn++) {
      const { content } = await ask(claude, request)
      request = grow(request, assistant(content), resultsFor(content))
    }
    const shorter = { ...request, messages: request.messages.slice(0, 3) }
    expect((await post(claude, shorter)).status).toBe(400)
    expect(claude.violations).toEqual(["conversation 1, answer 3: messages: 5 became 3"])
  })

  test("gives each block back as it was served", async () => {
    const alter = (index: number, more: object) => (content: Block[]) => [
      assistant(content.map((block, at) => (at === index ? { ...block, ...more } : block))),
      resultsFor(content),
    ]
    await refused(["messages[1].content[0]: the thinking block"], alter(0, { signature: "Eq==" }))
    await refused(["messages[1].content[0]: the thinking block"], alter(0, { thinking: "" }))
    await refused(["messages[1].content[1]: the text block"], alter(1, { text: "I look. " }))
    await refused(["messages[1].content[1]: the text block"], alter(1, { parsed_output: null }))
    await refused(["messages[1].content[2]: the tool_use block"], alter(2, { caller: undefined }))
    const swapped = { command: LOOK.command, reasoning: LOOK.reasoning }
    await refused(["messages[1].content[2]: the tool_use block"], alter(2, { input: swapped }))
    await refused(["messages[1]: holds 3 blocks; 4 were served"], (content) => [
      assistant(content.filter(({ type }) => type !== "thinking")),
      resultsFor(content),
    ])
  })

  test("holds one result for each call, in order, and nothing after them", async () => {
    const answer = (make: (results: Block[]) => Block[]) => (content: Block[]) => {
      return [assistant(content), user(make(resultsFor(content).content as Block[]))]
    }
    await refused(
      ["messages[2]: results for"],
      answer(([a]) => [a!]),
    )
    await refused(
      ["messages[2]: results for"],
      answer(([a, b]) => [b!, a!]),
    )
    await refused(
      ["messages[2]: results for"],
      answer(([a, b]) => [a!, b!, a!]),
    )
    await refused(
      ["messages[2]: results for"],
      answer(([a, b]) => [a!, { ...b!, tool_use_id: "toolu_other" }]),
    )
    const text = { type: "text", text: "News!" }
    await refused(
      ["messages[2]: holds more than"],
      answer((results) => [...results, text]),
    )
    await refused(
      ["messages[2]: holds more than"],
      answer((results) => [text, ...results]),
    )
    await refused(
      ["messages[2].content[0].exit_code: Extra"],
      answer(([a, b]) => [{ ...a!, exit_code: 0 }, b!]),
    )
    await refused(
      ["messages[2]: content must not be empty", "messages[2]: holds more", "messages[2]: results for"],
      answer(() => []),
    )
    await refused(["messages[2]: the user's message is missing"], (content) => [assistant(content)])
    await refused(["messages[1]: is no assistant message"], (content) => [resultsFor(content)])
    await refused(["messages[3]: one user message"], (content) => [
      assistant(content),
      resultsFor(content),
      user("And?"),
    ])
  })

  test("holds no result for what was not called", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "Done." }] })
    const { content } = await ask(claude)
    const result = user([{ type: "tool_result", tool_use_id: "toolu_1", content: "" }])
    expect((await post(claude, grow(agentRequest(), assistant(content), result))).status).toBe(400)
    expect(claude.violations).toEqual([
      "conversation 1, answer 1: messages[2]: holds a tool_result, but nothing was called",
    ])
  })

  test("goes on from a paused turn with the assistant's message last", async () => {
    await using claude = await startScriptedClaude({
      script: [{ say: "Wait.", stop_reason: "pause_turn" }, { say: "Done." }],
    })
    const { content } = await ask(claude)
    const added = grow(agentRequest(), assistant(content), user("Go on."))
    expect((await post(claude, added)).status).toBe(400)
    expect((await post(claude, grow(agentRequest(), assistant(content)))).status).toBe(200)
    expect(claude.violations).toHaveLength(1)
  })

  test("that nobody began here goes on from nothing", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "Done." }] })
    const content: Block[] = [{ type: "text", text: "Done." }]
    expect((await post(claude, grow(agentRequest(), assistant(content), user("And?")))).status).toBe(400)
    expect(claude.violations).toEqual(["messages: go on from no conversation that began here"])
  })

  test("begins with the user's words", async () => {
    await using claude = await startScriptedClaude({ script: [{ say: "Done." }] })
    for (const first of [assistant([]), user(""), user([]), user([{ type: "text", text: "" }])])
      expect((await post(claude, agentRequest([first]))).status).toBe(400)
    expect(claude.violations).toHaveLength(4)
  })

  test("that was refused may still come right", async () => {
    await using claude = await startScriptedClaude({ script: TWO_CALLS })
    const { content } = await ask(claude)
    expect((await post(claude, grow(agentRequest(), assistant(content)))).status).toBe(400)
    const right = grow(agentRequest(), assistant(content), resultsFor(content))
    expect((await post(claude, right)).status).toBe(200)
  })
})

describe("a second attempt", () => {
  const FAILURES: Script = [
    { status: 529 },
    { say: "Cut.", breaks: "in_stream" },
    { say: "Cut.", error_event: { type: "overloaded_error", message: "Overloaded" } },
    { say: "Late.", stalls_ms: 1 },
  ]

  for (const failure of FAILURES) {
    const name = JSON.stringify(failure)
    test(`after ${name} is the same request`, async () => {
      await using claude = await startScriptedClaude({ script: [{ call: LOOK }, failure, { say: "Done." }] })
      const { content } = await ask(claude)
      const second = grow(agentRequest(), assistant(content), resultsFor(content))
      await drain(post(claude, second))
      const changed = grow(agentRequest(), assistant(content), resultsFor(content, "Done!"))
      expect((await post(claude, changed)).status).toBe(400)
      expect((await post(claude, { ...second, max_tokens: 1 })).status).toBe(400)
      expect(claude.violations).toHaveLength(2)
      expect(await (await post(claude, second)).text()).toContain("Done.")
    })
  }

  test("of a first request belongs to the same conversation, and may not change", async () => {
    await using claude = await startScriptedClaude({ scripts: [[{ status: 500 }, { say: "Done." }]] })
    await drain(post(claude, agentRequest()))
    expect((await post(claude, agentRequest(undefined, { max_tokens: 1 }))).status).toBe(400)
    expect(await (await post(claude, agentRequest())).text()).toContain("Done.")
    expect(claude.violations).toEqual(["conversation 1, answer 1: max_tokens: changed within the conversation"])
  })

  test("after an error that no repetition mends is a conversation of its own", async () => {
    await using claude = await startScriptedClaude({ scripts: [[{ status: 413 }], [{ say: "Two." }]] })
    await drain(post(claude, agentRequest()))
    expect(await (await post(claude, agentRequest())).text()).toContain("Two.")
  })

  test("doesn't go on from an answer that broke", async () => {
    for (const broken of [
      { breaks: "before_stop", ends: "clean" },
      { error_event: { type: "api_error", message: "" } },
    ] as const) {
      await using claude = await startScriptedClaude({ script: [{ say: "Half of it.", ...broken }, { say: "Done." }] })
      const content = contentOf(await (await post(claude, agentRequest())).text())
      expect((await post(claude, grow(agentRequest(), assistant(content), user("Go on.")))).status).toBe(400)
      expect(claude.violations).toHaveLength(1)
    }
  })

  test("isn't due after an answer that arrived", async () => {
    await using claude = await startScriptedClaude({ script: TWO_CALLS })
    const { content } = await ask(claude)
    const second = grow(agentRequest(), assistant(content), resultsFor(content))
    await drain(post(claude, second))
    expect((await post(claude, second)).status).toBe(400)
    expect(claude.violations).toEqual(["conversation 1, answer 2: messages: a request that was answered comes again"])
  })

  test("may come, or not, after a call whose JSON was broken", async () => {
    const broken: Script = [{ call: { name: "shell", json: '{"reasoning":' } }, { say: "Done." }]
    await using claude = await startScriptedClaude({ script: broken })
    const content = contentOf(await (await post(claude, agentRequest())).text())
    const filled = content.map((block) => ({ ...block, input: { whatever: "it made of it" } }))
    expect((await post(claude, grow(agentRequest(), assistant(filled), resultsFor(filled)))).status).toBe(200)
    await drain(post(claude, agentRequest([user("Another lab.")])))
    expect((await post(claude, agentRequest([user("Another lab.")]))).status).toBe(200)
  })
})

// internal

/** One turn of two calls, and then what `next` adds to it: refused with exactly these violations' beginnings, or none. */
async function refused(beginnings: string[], next: (content: Block[]) => Message[], more: object = {}): Promise<void> {
  await using claude: ScriptedClaude = await startScriptedClaude({ script: TWO_CALLS })
  const { content } = await ask(claude)
  const request = agentRequest(undefined, more)
  const answer = await post(claude, { ...request, messages: [...request.messages, ...next(content)] })
  expect(answer.status).toBe(beginnings.length > 0 ? 400 : 200)
  const said = claude.violations.map((violation) => violation.replace(/^conversation 1, answer 1: /, ""))
  expect(said.map((violation, index) => violation.slice(0, beginnings[index]?.length))).toEqual(beginnings)
}

function grow(request: MessagesRequest, ...added: Message[]): MessagesRequest {
  return { ...request, messages: [...request.messages, ...added] }
}

async function drain(response: Promise<Response>): Promise<void> {
  await response.then((answer) => answer.text()).catch(() => undefined)
}

const turnedRound = (block: Block) => Object.fromEntries(Object.entries(block).toReversed()) as Block

/** The blocks of a stream, put together by hand. */
function contentOf(stream: string): Block[] {
  const blocks: Block[] = []
  const inputs: string[] = []
  for (const [, line] of stream.matchAll(/^data: (.*)$/gm)) {
    const { type, index, content_block, delta } = JSON.parse(line!)
    if (type === "content_block_start") blocks[index] = content_block
    if (type !== "content_block_delta") continue
    const { type: _, partial_json, ...rest } = delta
    if (partial_json !== undefined) inputs[index] = (inputs[index] ?? "") + partial_json
    for (const [name, piece] of Object.entries(rest)) blocks[index]![name] = `${blocks[index]![name]}${piece}`
  }
  inputs.forEach((json, index) => (blocks[index]!.input = whole(json)))
  return blocks
}

function whole(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}
