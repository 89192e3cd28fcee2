import Anthropic from "@anthropic-ai/sdk"
import type { Block, Message, MessagesRequest } from "./script.ts"

/** Where the scripted Claude listens, in this process or another. */
export type Server = { url: string; key: string }

/** The shell tool as an agent declares it. */
export const SHELL = {
  name: "shell",
  description: "Runs a command",
  strict: true,
  input_schema: {
    type: "object",
    properties: { reasoning: { type: "string" }, command: { type: "string" } },
    required: ["reasoning", "command"],
    additionalProperties: false,
  },
}

/** A request as an agent sends it. */
export function agentRequest(messages: Message[] = [user("The lab is down.")], more: object = {}): MessagesRequest {
  return {
    model: "claude-opus-5-5",
    max_tokens: 32_000,
    system: "You are on call.",
    tools: [SHELL],
    thinking: { type: "adaptive", display: "summarized" },
    cache_control: { type: "ephemeral" },
    messages,
    stream: true,
    ...more,
  }
}

export const user = (content: string | Block[]): Message => ({ role: "user", content })
export const assistant = (content: Block[]): Message => ({ role: "assistant", content })

/** One result for each call of a message, in order. */
export function resultsFor(content: readonly Block[], text = "done"): Message {
  const calls = content.filter(({ type }) => type === "tool_use")
  return user(calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: text })))
}

export function clientOf({ url, key }: Server, more: object = {}): Anthropic {
  return new Anthropic({ apiKey: key, baseURL: url, maxRetries: 0, logLevel: "off", ...more })
}

export interface Said {
  id: string
  model: string
  content: Block[]
  stop_reason: string | null
  stop_details: unknown
  usage: Record<string, unknown>
}

/** Asks through the SDK, as an agent does. */
export async function ask(claude: Server, request = agentRequest()): Promise<Said> {
  const { stream: _, ...body } = request
  return (await clientOf(claude)
    .messages.stream(body as never)
    .finalMessage()) as never
}

/** Posts a body as it is, with the headers of an honest client unless said otherwise. */
export function post(claude: Server, body: object | string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${claude.url}/v1/messages`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "anthropic-version": "2026-10-21",
      authorization: `Bearer ${claude.key}`,
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  })
}
