import type { Clock } from "../lib/clock.ts"
import { messageOf } from "../lib/errors.ts"
import { type Answer, attempt, Broken } from "./model/attempt.ts"
import { connect, type Connection } from "./model/client.ts"
import { failureOf, pauseAfter, UNAUTHORISED } from "./model/failure.ts"
import { readContent } from "./model/model.ts"
import type { Request } from "./model/request.ts"
import { costOf, type Prices, type Usage, worstCostOf } from "./prices.ts"
import type { Purse } from "./purse.ts"

/** Small, quick and cheap: a summary costs a tenth of a cent. */
export const SUMMARISER = "claude-haiku-5-5"

/** What came of a question. */
export interface Summed {
  text: string | null
  /** Why there is no text. */
  reason: string | null
  /** Who answered, else who was asked. */
  model: string
  usage: Usage | null
  /** Of all attempts together; null when it is not known. */
  cost_usd: number | null
}

/** A key, a price or dollars are missing: nothing was sent, and nothing else need be tried either. */
export class Unable extends Error {}

export interface AskOptions {
  prices: Prices
  purse: Purse
  clock: Clock
  env: NodeJS.ProcessEnv
}

export type Ask = (system: string, text: string, signal: AbortSignal) => Promise<Summed>

/**
 * What asks the small model one thing at a time: a text, no tools, at most two attempts, each paid from the purse. Whatever
 * the API does is a value; rejects with `Unable`, and with the signal's reason when that aborts.
 */
export function openAsking({ prices, purse, clock, env }: AskOptions): Ask {
  let heard_ms = 0
  let connecting: Promise<Connection> | undefined
  return async (system, text, signal) => {
    const worst_usd = worstCost(prices, system + text)
    connecting ??= connect(() => (heard_ms = performance.now()), env).catch((error: unknown) => {
      throw new Unable(messageOf(error))
    })
    const connection = await connecting
    const request = requestFor(system, text)
    let cost_usd: number | null = 0
    for (let attempts = 1; ; attempts += 1) {
      const payment = purse.setAside(worst_usd)
      if (payment.kind === "none") throw new Unable("reason" in payment.outcome ? payment.outcome.reason : "")
      const client = connection.client()
      const tried = await tryOnce(connection, request, prices, { signal, heardAt: () => heard_ms })
      payment.settle(tried.cost_usd)
      cost_usd = cost_usd === null || tried.cost_usd === null ? null : cost_usd + tried.cost_usd
      if (tried.kind === "answer") return { ...read(tried.answer), cost_usd }
      signal.throwIfAborted()

      const failure = failureOf(tried.cause)
      const refused = failure.status === UNAUTHORISED
      const otherHeader = refused && (connection.tryOtherHeader() || connection.client() !== client)
      const pause_ms = otherHeader ? 0 : pauseAfter(attempts, failure, Math.random)
      if (attempts >= MAX_ATTEMPTS || pause_ms === null)
        return { text: null, reason: `failed: ${failure.reason}`, model: SUMMARISER, usage: null, cost_usd }
      await clock.sleep(pause_ms, signal)
      signal.throwIfAborted()
    }
  }
}

// internal

/** A summary is not worth more than that. */
const MAX_ATTEMPTS = 2

/** A thousand tokens come within a few seconds. */
const ANSWER_TIMEOUT_MS = 60_000

/** Twenty short lines. */
const MAX_TOKENS = 1_000

/** What the API adds of its own. */
const OVERHEAD_TOKENS = 1_000

/** Haiku 5.5 thinks unless told otherwise, and what it thinks counts as output (platform.claude.com, "Prompting Claude Haiku 5.5"). */
function requestFor(system: string, text: string): Request {
  return {
    ...{ model: SUMMARISER, max_tokens: MAX_TOKENS, system, thinking: { type: "disabled" } },
    messages: [{ role: "user", content: [{ type: "text", text }] }],
  }
}

/** No token is less than a byte. */
function worstCost(prices: Prices, prompt: string): number {
  const prompt_tokens = Buffer.byteLength(prompt) + OVERHEAD_TOKENS
  const usd = worstCostOf(prices, SUMMARISER, { prompt_tokens, max_tokens: MAX_TOKENS })
  if (usd === null) throw new Unable(`what ${SUMMARISER} costs is not known`)
  return usd
}

type Tried = { cost_usd: number | null } & ({ kind: "answer"; answer: Answer } | { kind: "broken"; cause: unknown })

async function tryOnce(
  connection: Connection,
  request: Request,
  prices: Prices,
  { signal, heardAt }: { signal: AbortSignal; heardAt(): number },
): Promise<Tried> {
  const late = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
  const either = AbortSignal.any([signal, late])
  try {
    const answer = await attempt(connection, request, { signal: either, stall_ms: ANSWER_TIMEOUT_MS, heardAt })
    return { kind: "answer", answer, cost_usd: costOf(prices, answer.model, answer.usage) }
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    // Whoever hangs up is not told what it cost.
    if (either.aborted) return { kind: "broken", cause: TOO_LATE, cost_usd: null }
    return { kind: "broken", cause: error.cause, cost_usd: failureOf(error.cause).billed ? null : 0 }
  }
}

const TOO_LATE = new Error(`no whole answer in ${ANSWER_TIMEOUT_MS / 1_000} s`)

/** A text that was cut off may lack what matters most, and is none. */
function read({ content, stop_reason, refusal_category, model, usage }: Answer): Omit<Summed, "cost_usd"> {
  const text = readContent(content).text.trim()
  if (stop_reason === "end_turn" && text !== "") return { text, reason: null, model, usage }
  const why = stop_reason === "end_turn" ? "the answer is empty" : `${stop_reason} ${refusal_category ?? ""}`.trim()
  return { text: null, reason: `failed: ${why}`, model, usage }
}
