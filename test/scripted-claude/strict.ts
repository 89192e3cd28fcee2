import type { ServedBlock } from "./message.ts"
import type { Block, Message, MessagesRequest } from "./script.ts"

/** What the last answer of a conversation was, as far as the next request has to fit it. */
export interface Offered {
  /**
   * `whole`: it arrived, and is to be gone on from. `broken`: it did not, and the same request is to come again. `refused`:
   * an error that no repetition mends. `unclear`: anything, since the client may have gone away or made of it what it could.
   */
  arrived: "whole" | "broken" | "refused" | "unclear"
  /** Undefined when the server does not know what a client made of it. */
  blocks?: readonly ServedBlock[]
  stop_reason?: string
}

export const API_VERSION = "2026-10-21"

export function checkHeaders(headers: Readonly<Record<string, string>>): string[] {
  const version = headers["anthropic-version"]
  const json = headers["content-type"]?.startsWith("application/json")
  return [
    ...(version === API_VERSION ? [] : [`anthropic-version: ${version ?? "none"}, not ${API_VERSION}`]),
    ...(json ? [] : [`content-type: ${headers["content-type"] ?? "none"}, not application/json`]),
  ]
}

/** Options that API 2026-10-21 refuses, always or from the models that think in any case, and those that an agent needs. */
export function checkOptions(body: MessagesRequest, options: { agent: boolean; beta?: boolean }): string[] {
  const found = Object.keys(body)
    .filter((name) => NEVER.has(name) || !(options.beta || KNOWN.has(name)))
    .map((name) => `${name}: Extra inputs are not permitted`)
  if (typeof body.model !== "string" || body.model === "") found.push("model: Field required")
  if (!Number.isInteger(body.max_tokens) || body.max_tokens < 1)
    found.push("max_tokens: a positive whole number is required")
  if (!Array.isArray(body.messages) || body.messages.length === 0)
    found.push("messages: at least one message is required")
  if (ALWAYS_THINKS.test(body.model)) found.push(...checkThinker(body))
  if (options.agent && body.stream !== true) found.push("stream: an agent's requests are streamed")
  if (options.agent) found.push(...checkShellTool(body.tools))
  return found
}

/** The one tool: `shell(reasoning, command)`, strict, the reason before the act. */
export function checkShellTool(tools: unknown): string[] {
  const shell = Array.isArray(tools) ? tools.find((tool: Block) => tool.name === "shell") : undefined
  if (!shell) return ["tools: there is no shell tool"]
  const schema = (shell.input_schema ?? {}) as Record<string, unknown>
  const names = Object.keys((schema.properties ?? {}) as object).join()
  const required = Array.isArray(schema.required) ? schema.required.toSorted().join() : ""
  return [
    ...(shell.strict === true ? [] : ["tools.shell: is not strict"]),
    ...(schema.additionalProperties === false ? [] : ["tools.shell: additionalProperties is not false"]),
    ...(names === "reasoning,command" ? [] : [`tools.shell: properties are (${names}), not (reasoning,command)`]),
    ...(required === "command,reasoning" ? [] : ["tools.shell: reasoning and command are not both required"]),
  ]
}

/** A conversation's first request: one message, from the user. */
export function checkFirst(body: MessagesRequest): string[] {
  return body.messages[0]?.role === "user"
    ? checkContent(body.messages[0], 0)
    : ["messages[0]: the first message is the user's"]
}

/** A request against the one before it in its conversation, by every part of its text. */
export function checkGrowth(before: MessagesRequest, offered: Offered, now: MessagesRequest): string[] {
  const options = new Set([...Object.keys(before), ...Object.keys(now)])
  const changed = [...options].filter((name) => !VARIES.has(name) && text(before[name]) !== text(now[name]))
  const found = changed.map((name) => `${name}: changed within the conversation`)
  const altered = before.messages.findIndex((message, index) => text(message) !== text(now.messages[index]))
  if (altered >= now.messages.length)
    return [...found, `messages: ${before.messages.length} became ${now.messages.length}`]
  if (altered >= 0) return [...found, `messages[${altered}]: changed; the history only grows`]
  return [...found, ...checkAppended(offered, now.messages.slice(before.messages.length), before.messages.length)]
}

/** What a request adds to the messages of the one before, the first of them at index `at`. */
export function checkAppended(offered: Offered, added: readonly Message[], at: number): string[] {
  const [assistant, user, ...more] = added
  if (!assistant) return offered.arrived === "whole" ? ["messages: a request that was answered comes again"] : []
  if (offered.arrived === "broken" || offered.arrived === "refused")
    return ["messages: grew, though the answer before broke; the same request is to come again"]
  if (assistant.role !== "assistant" || !Array.isArray(assistant.content))
    return [`messages[${at}]: is no assistant message with blocks, though one was served`]

  const found = offered.blocks ? checkServed(offered.blocks, assistant.content, `messages[${at}]`) : []
  const ids = assistant.content.filter(({ type }) => type === "tool_use").map(({ id }) => String(id))
  if (ids.length === 0 && offered.stop_reason === "pause_turn")
    return user ? [...found, `messages[${at + 1}]: a paused turn goes on with the assistant's message last`] : found
  if (!user) return [...found, `messages[${at + 1}]: the user's message is missing`]
  if (more.length > 0) found.push(`messages[${at + 2}]: one user message follows a turn, and nothing more`)
  if (user.role !== "user") return [...found, `messages[${at + 1}]: is not the user's`]
  return [...found, ...checkContent(user, at + 1), ...checkResults(ids, user, `messages[${at + 1}]`)]
}

// internal

const NEVER = new Set(["temperature", "top_p", "top_k", "thread"])
const KNOWN = new Set(
  `model max_tokens messages cache_control container diagnostics inference_geo metadata output_config service_tier speed
  stop_sequences stream system thinking tool_choice tools user_profile_id workspace_id`.split(/\s+/),
)
/** What may differ from one request of a conversation to the next; the messages are looked at on their own. */
const VARIES = new Set(["messages", "diagnostics"])
const ALWAYS_THINKS = /opus-5-5|fable/
const RESULT_KEYS = new Set(["type", "tool_use_id", "content", "is_error", "cache_control"])

const text = (value: unknown) => JSON.stringify(value)

function checkThinker({ thinking, tool_choice, model }: MessagesRequest): string[] {
  const thinks = (thinking as { type?: string } | undefined)?.type
  const choice = (tool_choice as { type?: string } | undefined)?.type
  return [
    ...(thinks === "enabled" || thinks === "disabled" ? [`thinking.type: ${thinks} is not supported by ${model}`] : []),
    ...(choice === "any" || choice === "tool" ? [`tool_choice.type: ${choice} is not supported by ${model}`] : []),
  ]
}

/** Each block as it was served: the same names and, byte for byte, the same values. The order of a block's names is free. */
function checkServed(served: readonly ServedBlock[], content: readonly Block[], where: string): string[] {
  if (served.length !== content.length)
    return [`${where}: holds ${content.length} blocks; ${served.length} were served`]
  return served.flatMap(({ block, json }, index) => {
    const back = content[index]!
    // Of an input whose JSON was broken, each client makes what it can.
    const broken = json !== undefined && block.input === undefined
    const same = sorted(broken ? { ...block, input: null } : block) === sorted(broken ? { ...back, input: null } : back)
    return same ? [] : [`${where}.content[${index}]: the ${block.type} block is not as it was served`]
  })
}

function sorted(block: Block): string {
  return text(Object.fromEntries(Object.entries(block).toSorted(([a], [b]) => (a < b ? -1 : 1))))
}

/** Exactly one result for each call, in the calls' order, and nothing else. */
function checkResults(ids: readonly string[], { content }: Message, where: string): string[] {
  const blocks = Array.isArray(content) ? content : []
  const results = blocks.filter(({ type }) => type === "tool_result")
  if (ids.length === 0) return results.length > 0 ? [`${where}: holds a tool_result, but nothing was called`] : []
  const found =
    results.length < blocks.length || blocks.length === 0 ? [`${where}: holds more than the calls' results`] : []
  const got = results.map(({ tool_use_id }) => String(tool_use_id))
  if (got.join() !== ids.join()) found.push(`${where}: results for (${got.join()}), not for (${ids.join()})`)
  return found
}

function checkContent({ content }: Message, at: number): string[] {
  if (typeof content === "string") return content === "" ? [`messages[${at}]: content must not be empty`] : []
  if (!Array.isArray(content) || content.length === 0) return [`messages[${at}]: content must not be empty`]
  return content.flatMap((block, index) => {
    const where = `messages[${at}].content[${index}]`
    if (block.type === "text" && block.text === "") return [`${where}: text content blocks must be non-empty`]
    if (block.type !== "tool_result") return []
    const extra = Object.keys(block).filter((name) => !RESULT_KEYS.has(name))
    return extra.map((name) => `${where}.${name}: Extra inputs are not permitted`)
  })
}
