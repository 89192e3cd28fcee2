import type Anthropic from "@anthropic-ai/sdk"
import type { Variant } from "../variant.ts"
import { thinks } from "./known.ts"
import type { ServerWork } from "../prices.ts"
import type { Message } from "./model.ts"

export type Settings = Pick<Variant, "model" | "effort" | "max_tokens" | "tools_config">

export type Request = Anthropic.MessageCreateParams

/**
 * One request of a conversation. All but `messages` is the same in each of them, byte for byte, so that the API finds in its cache
 * what it has read before; the mark moves on with the conversation by itself.
 */
export function requestOf(settings: Settings, system: string, history: readonly Message[]): Request {
  const { model, effort, max_tokens, tools_config } = settings
  return {
    model,
    max_tokens,
    system,
    tools: tools_config.enabled_tools.map((name) => TOOLS[name]),
    tool_choice: tools_config.tool_choice as Anthropic.ToolChoice,
    cache_control: { type: "ephemeral" },
    // Without the summary, what is said between two calls comes back empty.
    ...(thinks(model) && { thinking: { type: "adaptive", display: "summarized" } }),
    ...(effort !== undefined && { output_config: { effort } }),
    messages: history as Anthropic.MessageParam[],
  }
}

/** How often the API may search, and how often it may read a page, in one turn: what nobody bounds, nobody can pay. */
const SERVER_USES = 3
/** Of a page that the API reads. */
const FETCHED_TOKENS = 5_000

/** What the API may read and search in one turn: the prompt is read once more, and longer, after each. */
export function serverWork({ tools_config: { enabled_tools } }: Settings): ServerWork {
  const searches = enabled_tools.includes("web_search") ? SERVER_USES : 0
  const fetches = enabled_tools.includes("web_fetch") ? SERVER_USES : 0
  return { searches, rounds: searches + fetches, tokens: (searches + fetches) * FETCHED_TOKENS }
}

// internal

/** `reasoning` comes first, so that the intent is stated before the command. */
const SHELL: Anthropic.Tool = {
  name: "shell",
  description:
    "Runs a command with bash, in a new shell each time, and returns how it ended and what it printed, both streams in one. No terminal, no input. It is stopped after two minutes.",
  strict: true,
  input_schema: {
    type: "object",
    properties: {
      reasoning: { type: "string", description: "Why this command, in a sentence or two." },
      command: { type: "string", description: "What bash runs." },
    },
    required: ["reasoning", "command"],
    additionalProperties: false,
  },
}

/** Called by the model alone, not from code that it writes: what is searched and read is in the audit then. */
const TOOLS: Record<Settings["tools_config"]["enabled_tools"][number], Anthropic.ToolUnion> = {
  shell: SHELL,
  web_search: {
    ...{ type: "web_search_20260318", name: "web_search", allowed_callers: ["direct"] },
    max_uses: SERVER_USES,
  },
  web_fetch: {
    ...{ type: "web_fetch_20260318", name: "web_fetch", allowed_callers: ["direct"] },
    ...{ max_uses: SERVER_USES, max_content_tokens: FETCHED_TOKENS },
  },
}
