import { evaluate } from "../lib/expression.ts"
import type { Status } from "../store/kinds.ts"
import type { Answer, ProbeResult } from "./probes/answer.ts"

/** One evaluation of an invariant at a node. */
export interface Observation {
  status: Status
  /** What was seen, as far as it is worth keeping. */
  value: unknown
  reason: string | null
}

/** What a probe's result means for an invariant. Without an expression an answer is enough, unless it is a server's error. */
export async function judge(result: ProbeResult, holds: string | undefined): Promise<Observation> {
  try {
    return await judged(result, holds)
  } catch (error) {
    // An answer may be nested so deeply that looking at it exhausts the stack.
    if (error instanceof RangeError)
      return { status: "unknown", value: null, reason: "the answer is nested too deeply" }
    throw error
  }
}

/** Kept of one observed value. The log holds transitions, not documents. */
export const MAX_VALUE_CHARS = 4_096

// internal

async function judged(result: ProbeResult, holds: string | undefined): Promise<Observation> {
  switch (result.kind) {
    case "silent":
      return { status: "violated", value: null, reason: result.reason }
    case "blind":
      return { status: "unknown", value: null, reason: result.reason }
    case "answer":
      return holds === undefined ? plain(result.value) : expressed(result.value, holds)
    default:
      return result satisfies never
  }
}

/** The first status with which a server says that the failure is its own (RFC 9110, section 15.6). */
const SERVER_ERROR = 500

function plain(answer: Answer): Observation {
  const failed = answer.status !== undefined && answer.status >= SERVER_ERROR
  const value = kept(answer)
  return failed
    ? { status: "violated", value, reason: `answered ${answer.status}` }
    : { status: "ok", value, reason: null }
}

async function expressed(answer: Answer, holds: string): Promise<Observation> {
  const found = await evaluate(holds, answer)
  const value = kept(answer)
  if (found.kind === "nothing") return { status: "unknown", value, reason: found.reason }
  if (found.value === true) return { status: "ok", value, reason: null }
  if (found.value === false) return { status: "violated", value, reason: `does not hold: ${holds}` }
  const reason = `"${holds}" yields ${JSON.stringify(found.value).slice(0, 80)} instead of true or false`
  return { status: "unknown", value, reason }
}

/** Headers differ with every answer and tell nothing that a person asks for. */
function kept({ headers: _, ...answer }: Answer): unknown {
  const value = { ...answer, duration_ms: Math.round(answer.duration_ms * 10) / 10 }
  const text = JSON.stringify(value)
  return text.length <= MAX_VALUE_CHARS ? value : { cut: text.slice(0, MAX_VALUE_CHARS) }
}
