import { append } from "../store/events.ts"
import type { EventBodies, EventKind } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import type { Lease } from "../store/sessions.ts"
import { keepText } from "../store/texts.ts"
import { type FailedAttempt, readContent, type Turn } from "./model/model.ts"

/** A session's part of its lab's log. */
export interface Transcript {
  page(system: string, text: string): void
  turn(turn: Turn, step: number, took_ms: number): void
  failure(attempt: FailedAttempt, step: number): void
  command(body: EventBodies["command"]): void
  result(body: EventBodies["result"], output: Uint8Array): void
}

export function openTranscript(store: Store, lease: Lease): Transcript {
  const record = <K extends EventKind>(kind: K, body: EventBodies[K], blob?: Uint8Array) => {
    append(store, lease.lab, kind, body, { session: lease.session, ...(blob?.length ? { blob } : {}) })
  }
  return {
    page: (system, text) =>
      record("page", { system: system === "" ? "" : keepText(store, "prompt", "system prompt", system), text }),
    turn: (turn, step, took_ms) => record("message", { step, took_ms, ...told(turn) }),
    failure: (attempt, step) => record("model.failed", { step, ...attempt }),
    command: (body) => record("command", body),
    result: (body, output) => record("result", body, output),
  }
}

// internal

/** What of a turn is kept. What it does not hold is left out. */
function told(turn: Turn): Omit<EventBodies["message"], "step" | "took_ms"> {
  const { stop_reason, model, request_id, usage, cost_usd, waited_ms, refusal_category } = turn
  const { text, thinking, calls, server_calls, server_results } = readContent(turn.content)
  return {
    ...{ text, stop_reason, model, request_id, usage, cost_usd },
    ...(calls.length > 0 && { calls: calls.map(({ id, name, input }) => ({ call: id, name, input })) }),
    ...(thinking !== "" && { thinking }),
    ...(waited_ms > 0 && { waited_ms: Math.round(waited_ms) }),
    ...(server_calls.length > 0 && { server_calls: [...server_calls, ...server_results] }),
    ...(stop_reason === "refusal" && { refusal_category: refusal_category ?? null }),
  }
}
