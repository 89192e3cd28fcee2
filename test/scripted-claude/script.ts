/**
 * What the scripted Claude says: a script is the list of answers of one conversation. Every attempt takes the next answer,
 * those that fail included.
 */
export type Script = readonly Scripted[]

/** An answer, or how to come by it from the request. */
export type Scripted = Answer | ((request: ScriptedRequest) => Answer | Promise<Answer>)

export type Answer = Turn | Failure | RawStream

/** One assistant message: thinking, then `blocks`, then text, then calls. What is left out has its usual value. */
export interface Turn {
  /** Shown only to a request with `thinking.display: "summarized"`; otherwise the block's text is empty, as the API does it. */
  think?: string
  /** Content blocks as they are: `server_tool_use`, `web_search_tool_result`, `redacted_thinking`, text with citations, … */
  blocks?: readonly Block[]
  say?: string
  call?: Call | readonly Call[]
  /** Default: `tool_use` when there is a call, else `end_turn`. */
  stop_reason?: string
  stop_sequence?: string
  stop_details?: Record<string, unknown>
  /** The model that answers. Default: the one that was asked for. */
  model?: string
  /** Lies over the counts that are computed from the sizes. */
  usage?: Record<string, unknown>
  /** Default: all of it in one write. `events`: a write for each event; `bytes`: for each byte; `crlf`: for each line end's halves. */
  chunks?: "events" | "bytes" | "crlf"
  /** A ping after `message_start`, and during a stall in the stream. */
  pings?: boolean

  /** The connection breaks: before any byte, after the headers, in the middle of a block, with everything sent but `message_stop`. */
  breaks?: "before" | "after_headers" | "in_stream" | "before_stop"
  /** How a broken stream ends: with the connection (the default), or as if it were complete. */
  ends?: "destroy" | "clean"
  /** An `error` event ends the stream. */
  error_event?: { type: string; message: string }
  /** When it comes. Default: `start`, that is after `message_start`; `some`: in the middle of a block. */
  after?: "nothing" | "start" | "some"
  /** Silence for so long, and then the turn, unless the client goes away first. */
  stalls_ms?: number
  /** Default: `in_stream`, in the middle of a block. */
  where?: "before_headers" | "in_stream"
}

/** `json` is streamed as the call's input as it is, well-formed or not. */
export type Call =
  { reasoning: string; command: string } | { name: string; input: unknown } | { name: string; json: string }

/** An HTTP error. Default body: the API's error of this status. */
export interface Failure {
  status: number
  headers?: Record<string, string>
  body?: string | object
  html?: string
}

/** A stream that is written as it is: `data` a text, or what becomes JSON. Without `event`, the line is left out. */
export interface RawStream {
  events: readonly { event?: string; data: unknown }[]
  ends?: "destroy" | "clean"
}

export type Block = { type: string } & Record<string, unknown>

export interface Message {
  role: string
  content: string | Block[]
}

export interface MessagesRequest {
  model: string
  max_tokens: number
  messages: Message[]
  [option: string]: unknown
}

/** A request as a script's function sees it, and as the server records it. */
export interface ScriptedRequest {
  method: string
  path: string
  headers: Readonly<Record<string, string>>
  /** Parsed when first looked at. */
  readonly body: MessagesRequest
  /** The body as it came. */
  readonly text: string
  /** `performance.now()` when the body was complete. */
  at: number
  /** Counted from 1; null for what belongs to no conversation. */
  conversation: number | null
  /** Which answer of its conversation this request gets, counted from 0. */
  index: number
  /** As in the `request-id` header of the answer. */
  request_id: string
}
