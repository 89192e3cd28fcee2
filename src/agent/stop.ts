import type { Outcome } from "../store/kinds.ts"
import { readContent, type Turn } from "./model/model.ts"

export type Next = { kind: "run" } | { kind: "ask_again" } | { kind: "end"; outcome: Outcome }

/** What a turn's stop reason asks for (Messages API, 2026-10-21). A call in a truncated turn is never run. */
export function afterTurn(turn: Turn): Next {
  const { text, calls } = readContent(turn.content)
  switch (turn.stop_reason) {
    case "tool_use":
      return calls.length > 0 ? { kind: "run" } : failed("the turn asks for a tool and holds no call")
    case "pause_turn":
      // What is called waits for its result, paused or not; and a turn of nothing cannot be gone on from.
      if (calls.length > 0) return { kind: "run" }
      return turn.content.length > 0 ? { kind: "ask_again" } : failed("the turn paused before it began")
    case "end_turn":
    case "stop_sequence":
      return { kind: "end", outcome: claim(text) }
    case "refusal":
      return { kind: "end", outcome: { kind: "refused", category: turn.refusal_category ?? null, model: turn.model } }
    case "max_tokens":
    case "model_context_window_exceeded":
      return failed(`the turn was cut off: ${turn.stop_reason}`)
    default:
      return failed(`unknown stop reason: ${turn.stop_reason}`)
  }
}

// internal

/** The agent only claims; whether the lab is well is the monitor's word. */
function claim(text: string): Outcome {
  const escalation = /^\s*ESCALATE:\s*(.*)/.exec(text)
  return escalation ? { kind: "gave_up", reason: escalation[1] ?? "" } : { kind: "claims_done" }
}

function failed(reason: string): Next {
  return { kind: "end", outcome: { kind: "model_error", reason } }
}
