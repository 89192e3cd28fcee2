/**
 * What answers in a session. The shapes are those of the Messages API, so that a history can go to Claude as it is.
 * A history is append-only: an earlier message never changes.
 */
export interface Model {
  readonly name: string
  /**
   * The next turn. Rejects only when no turn could be had, at once when the signal aborts; what the model says, refusals
   * included, is a value.
   */
  turn(history: readonly Message[], options: { signal: AbortSignal }): Promise<Turn>
}

export interface Message {
  role: "user" | "assistant"
  content: Block[]
}

export type Block =
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: unknown }
  | { type: "tool_result"; tool_use_id: string; content: string; is_error?: boolean }

export interface Turn {
  content: Block[]
  /** As the API names it. The set is open; the loop knows what it does not know. */
  stop_reason: string
  /** For `refusal`: the classifier's category. */
  refusal_category?: string | null
  /** The model that really answered. */
  model: string
  request_id: string | null
  usage: Record<string, unknown>
  cost_usd: number
}

/** The one tool's input: the reason is stated before the act. */
export interface ShellInput {
  reasoning: string
  command: string
}
