import { type Conversation, Conversations, type Options, optionsOf } from "./conversations.ts"
import { deliver } from "./deliver.ts"
import { errorBody } from "./errors.ts"
import { newId } from "./message.ts"
import { modelsAnswer } from "./models.ts"
import { describe, offeredBy, prepare, type Ready } from "./ready.ts"
import { recorded } from "./record.ts"
import type { Answer, MessagesRequest, Script, Scripted, ScriptedRequest } from "./script.ts"
import { checkHeaders, checkOptions } from "./strict.ts"
import { listen, type Reply, type WireRequest } from "./wire.ts"

/** Where the answers to agents come from: exactly one of `script`, `scripts` and `answers`. */
export interface ScriptedClaudeOptions {
  /** For each conversation the same. */
  script?: Script
  /** One for each conversation, in the order in which they begin. */
  scripts?: readonly Script[]
  /** Any number of answers, each by the request and its index in the conversation, counted from 0. */
  answers?: (request: ScriptedRequest, index: number) => Answer | Promise<Answer>
  /** The answer to a single question without tools. Default: a short text. */
  aside?: (request: ScriptedRequest) => Answer | Promise<Answer>
  key?: string
  /** Which header must carry the key. Default: either. */
  auth?: "bearer" | "x-api-key" | "either"
  port?: number
  /** False: `requests` stays empty, and of a conversation only its last request is kept. */
  record?: boolean
  /** Told of each request once its answer is known, before it is sent. */
  onAnswer?: (request: ScriptedRequest, answer: string, violations: readonly string[]) => void
}

export interface ScriptedClaude extends AsyncDisposable {
  url: string
  key: string
  requests: ScriptedRequest[]
  violations: string[]
  /** The server's own time for each request to /v1/messages: from its last byte until the answer is made and, unless it comes in pieces, written. */
  served_ms: number[]
  close(): Promise<void>
}

/** Starts a server on 127.0.0.1 that answers as the scripts say, and refuses with 400 whatever the API or an honest history forbids. */
export async function startScriptedClaude(options: ScriptedClaudeOptions = {}): Promise<ScriptedClaude> {
  const claude = new Claude(options)
  const { port, close } = await listen(options.port ?? 0, (request, reply) => claude.handle(request, reply))
  const { requests, violations, served_ms, key } = claude
  const url = `http://127.0.0.1:${port}`
  return { url, key, requests, violations, served_ms, close, [Symbol.asyncDispose]: close }
}

// internal

const ASIDE: Answer = { say: "A short answer." }

/** What is decided about a request before it is answered. */
type Decided =
  | { kind: "refused"; violations: string[] }
  | { kind: "aside"; options: Options }
  | { kind: "turn"; options: Options; conversation: Conversation }

class Claude {
  readonly requests: ScriptedRequest[] = []
  readonly violations: string[] = []
  readonly served_ms: number[] = []
  readonly key: string
  #options: ScriptedClaudeOptions
  #conversations = new Conversations()

  constructor(options: ScriptedClaudeOptions) {
    this.#options = options
    this.key = options.key ?? "scripted"
  }

  async handle(wire: WireRequest, reply: Reply): Promise<void> {
    const at = performance.now()
    const request = recorded(wire, newId("req"), at)
    const error = (status: number, message: string) => {
      const headers = { "content-type": "application/json", "request-id": request.request_id }
      reply.send(status, headers, JSON.stringify(errorBody(status, request.request_id, message)))
    }
    if (!this.#authorised(wire.headers)) return error(401, "invalid x-api-key")
    if (wire.method === "GET") {
      const { status, body } = modelsAnswer(wire.path, request.request_id)
      return reply.send(status, { "content-type": "application/json", "request-id": request.request_id }, body)
    }
    if (wire.method !== "POST" || wire.path !== "/v1/messages") return error(404, "Not found")

    if (this.#options.record !== false) this.requests.push(request)
    const decided = this.#decide(wire, request)
    let ready: Ready | string
    if (decided.kind === "refused") ready = this.#refuse(request, decided.violations)
    else ready = await this.#answer(decided, request, wire.body.length)
    if (typeof ready === "string") {
      error(400, ready)
      this.served_ms.push(performance.now() - at)
      return
    }
    const delivered = deliver(
      ready,
      { id: request.request_id, stream: decided.kind !== "refused" && decided.options.stream },
      reply,
    )
    this.served_ms.push(performance.now() - at)
    await delivered
  }

  #authorised(headers: Readonly<Record<string, string>>): boolean {
    const bearer = headers.authorization === `Bearer ${this.key}`
    const plain = headers["x-api-key"] === this.key
    const { auth = "either" } = this.#options
    return auth === "bearer" ? bearer : auth === "x-api-key" ? plain : bearer || plain
  }

  /** Looks at a request with all strictness, and counts it to its conversation when it is right. */
  #decide({ headers, body: raw }: WireRequest, request: ScriptedRequest): Decided {
    const wrong = checkHeaders(headers)
    let placed = this.#conversations.quickly(raw)
    if (!placed) {
      const body = readBody(request)
      if (typeof body === "string") return { kind: "refused", violations: [...wrong, body] }
      const bare = !Array.isArray(body.tools) || body.tools.length === 0
      const alone = bare && !(body.messages?.length > 1 && this.#conversations.knows(body))
      wrong.push(...checkOptions(body, { agent: !alone, beta: "anthropic-beta" in headers }))
      if (alone && wrong.length === 0) return { kind: "aside", options: optionsOf(raw, body) }
      if (alone || !(body.messages?.length > 0)) return { kind: "refused", violations: wrong }
      const found = this.#conversations.thoroughly(raw, body)
      if (typeof found === "string") return { kind: "refused", violations: [...wrong, found] }
      placed = found
    }
    const violations = [...wrong, ...placed.violations]
    const right = violations.length === 0
    const conversation = placed.conversation ?? (right ? this.#conversations.begin(placed.seen, request.body) : null)
    request.conversation = conversation?.number ?? null
    request.index = conversation?.answers ?? 0
    if (!conversation || !right) return { kind: "refused", violations }
    conversation.last = placed.seen
    return { kind: "turn", options: conversation.options, conversation }
  }

  #refuse(request: ScriptedRequest, violations: string[]): string {
    const where = request.conversation === null ? "" : `conversation ${request.conversation}, answer ${request.index}: `
    this.violations.push(...violations.map((violation) => where + violation))
    this.#options.onAnswer?.(request, "400", violations)
    return violations.join("; ")
  }

  /** The answer made ready to be sent; a text when the script has none, or breaks. */
  async #answer(
    decided: Exclude<Decided, { kind: "refused" }>,
    request: ScriptedRequest,
    size_bytes: number,
  ): Promise<Ready | string> {
    const { options } = decided
    const conversation = decided.kind === "turn" ? decided.conversation : undefined
    if (conversation) conversation.answers += 1
    let answer: Answer | string
    try {
      const next = conversation ? this.#next(conversation, request.index) : (this.#options.aside ?? ASIDE)
      const given = typeof next === "function" ? next(request) : next
      answer = given instanceof Promise ? await given : given
    } catch (error) {
      answer = `the script failed: ${error}`
    }
    if (typeof answer === "string") return this.#refuse(request, [answer])

    const cached_bytes = conversation?.cached_bytes ?? 0
    const ready = prepare(answer, { ...options, size_bytes, cached_bytes })
    if (conversation) {
      conversation.offered = offeredBy(ready)
      if (conversation.offered.blocks) conversation.cached_bytes = size_bytes
    }
    this.#options.onAnswer?.(request, describe(ready), [])
    return ready
  }

  #next({ number }: Conversation, index: number): Scripted | string {
    const { answers, scripts, script } = this.#options
    if (answers) return (request) => answers(request, index)
    const own = scripts ? scripts[number - 1] : script
    if (!own) return `there is no script for conversation ${number}`
    return own[index] ?? `the script of conversation ${number} is over after ${own.length} answers`
  }
}

function readBody(request: ScriptedRequest): MessagesRequest | string {
  try {
    const { body } = request
    return typeof body === "object" && body !== null ? body : "the body is no JSON object"
  } catch {
    return "the body is no JSON"
  }
}
