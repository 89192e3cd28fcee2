import type { Usage } from "../prices.ts"

/**
 * What answers in a session. The shapes are those of the Messages API, so that a history can go to Claude as it is.
 * A history is append-only: an earlier message never changes.
 */
export interface Model {
  readonly name: string
  /** What it is told beside the history; "" for one that reads nothing. */
  readonly system: string
  /** The most that the next turn can cost; null when its price is not known. */
  worstCost_usd(history: readonly Message[]): number | null
  /**
   * The next turn. Rejects only when no turn could be had, at once when the signal aborts; what the model says, refusals
   * included, is a value.
   */
  turn(history: readonly Message[], options: TurnOptions): Promise<Turn>
}

export interface TurnOptions {
  signal: AbortSignal
  /** Is told of each attempt at the turn that failed, before the pause. */
  onFailure(attempt: FailedAttempt): void
}

/** An attempt at a turn that failed. */
export interface FailedAttempt {
  reason: string
  /** As HTTP names it; null when no answer came. */
  status: number | null
  /** Until the next attempt; null when there will be none. */
  pause_ms: number | null
  /** Of what was answered before it broke; null when that is not known. */
  cost_usd: number | null
}

export interface Message {
  role: "user" | "assistant"
  content: Block[]
}

/** A block of a message. The set is open: one of another type is kept, and goes back as it came. */
export type Block =
  | { type: "text"; text: string }
  | { type: "thinking"; thinking: string; signature: string }
  | ToolUse
  | { type: "tool_result"; tool_use_id: string; content: string; is_error?: boolean }
  | { type: "server_tool_use"; id: string; name: string; input: unknown }
  | { type: "web_search_tool_result" | "web_fetch_tool_result"; tool_use_id: string; content: unknown }

export interface ToolUse {
  type: "tool_use"
  id: string
  name: string
  input: unknown
}

export interface Turn {
  content: Block[]
  /** As the API names it. The set is open; the loop knows what it does not know. */
  stop_reason: string
  /** For `refusal`: the classifier's category. */
  refusal_category?: string | null
  /** The model that really answered. */
  model: string
  request_id: string | null
  usage: Usage
  /** Null when its price is not known. */
  cost_usd: number | null
  /** Spent on attempts that failed and on the pauses after them, before the one that answered began. */
  waited_ms: number
}

/** The one tool's input: the reason is stated before the act. */
export interface ShellInput {
  reasoning: string
  command: string
}

/** The parts of a turn's content that are read. Blocks are chosen by their type, never by their place. */
export function readContent(content: readonly Block[]) {
  return {
    text: content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n"),
    thinking: content.flatMap((block) => (block.type === "thinking" ? [block.thinking] : [])).join("\n"),
    calls: content.filter((block) => block.type === "tool_use"),
    /** Searches and the like, which the API has run itself. */
    server_calls: content.filter((block) => block.type === "server_tool_use"),
    server_results: content.filter(
      (block) => block.type === "web_search_tool_result" || block.type === "web_fetch_tool_result",
    ),
  }
}
