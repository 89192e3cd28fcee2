import { type Asked, composeMessage, type Served } from "./message.ts"
import type { Answer, Failure, RawStream, Turn } from "./script.ts"
import type { Offered } from "./strict.ts"

/** An answer ready to be sent: a turn with the message that it was made into. */
export type Ready =
  | { kind: "turn"; turn: Turn; message: Served }
  | { kind: "failure"; failure: Failure }
  | { kind: "raw"; stream: RawStream }

export function prepare(answer: Answer, asked: Asked): Ready {
  if ("status" in answer) return { kind: "failure", failure: answer }
  if ("events" in answer) return { kind: "raw", stream: answer }
  return { kind: "turn", turn: answer, message: composeMessage(answer, asked) }
}

/** What the next request of the conversation has to fit. */
export function offeredBy(ready: Ready): Offered {
  if (ready.kind === "failure") return { arrived: mayRetry(ready.failure.status) ? "broken" : "refused" }
  if (ready.kind === "raw") return { arrived: "unclear" }
  const { turn, message } = ready
  const { blocks, stop_reason } = message
  if (turn.breaks || turn.error_event) return { arrived: "broken" }
  const muddled = blocks.some(({ block, json }) => json !== undefined && block.input === undefined)
  return { arrived: turn.stalls_ms !== undefined || muddled ? "unclear" : "whole", blocks, stop_reason }
}

/** An answer in a few words. */
export function describe(ready: Ready): string {
  if (ready.kind === "failure") return String(ready.failure.status)
  if (ready.kind === "raw") return "a raw stream"
  const { turn, message } = ready
  if (turn.breaks) return `breaks: ${turn.breaks}`
  if (turn.error_event) return `error event: ${turn.error_event.type}`
  const stalls = turn.stalls_ms === undefined ? "" : ` after ${turn.stalls_ms} ms of silence`
  return `${message.stop_reason}${stalls}`
}

// internal

/** What the SDK, and so any client, takes as worth another try. */
const mayRetry = (status: number) => status === 408 || status === 409 || status === 429 || status >= 500
