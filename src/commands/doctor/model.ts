import { attempt, Broken } from "../../agent/model/attempt.ts"
import { connect, type Connection } from "../../agent/model/client.ts"
import { type Failure, failureOf, UNAUTHORISED } from "../../agent/model/failure.ts"
import { KNOWN_MODELS } from "../../agent/model/known.ts"
import { builtInPrices, costOf } from "../../agent/prices.ts"
import { showDollars } from "../../lib/dollars.ts"
import { showDuration } from "../../lib/duration.ts"
import { EnvironmentError } from "../../lib/errors.ts"
import { didYouMean } from "../../lib/nearest.ts"
import { type Finding, missing, ok } from "./finding.ts"

/** What came of one small request to a model. */
export type Asked =
  | {
      asked: string
      answered: true
      /** Which model it was that answered. */
      model: string
      request_id: string | null
      /** From the request to the end of the answer. */
      took_ms: number
      /** Null: not known. */
      cost_usd: number | null
    }
  | { asked: string; answered: false; reason: string; mend: string }

/** Asks a model for a word or two, as an agent would reach it. */
export async function askModel(model: string): Promise<Asked> {
  let connection: Connection | undefined
  for (;;) {
    try {
      connection ??= await connect(() => undefined)
      return { asked: model, answered: true, ...(await ask(connection, model)) }
    } catch (error) {
      if (!connection) return { asked: model, answered: false, ...withoutKey(error) }
      const failure = failureOf(error instanceof Broken ? error.cause : error)
      if (failure.status === UNAUTHORISED && connection.tryOtherHeader()) continue
      return { asked: model, answered: false, reason: failure.reason, mend: mendOf(failure, model) }
    }
  }
}

export function modelFinding(asked: Asked): Finding {
  if (!asked.answered) return missing("model", `${asked.asked}: ${asked.reason}`, asked.mend)
  const { model, request_id, took_ms, cost_usd } = asked
  const request = request_id === null ? "" : `, request ${request_id}`
  const price = cost_usd === null ? "what it cost is not known" : `for ${showDollars(cost_usd)}`
  return ok("model", `${model} answered in ${showDuration(took_ms)}, ${price}${request}`)
}

// internal

const FORBIDDEN = 403
const NOT_FOUND = 404
const TOO_MANY = 429

const QUESTION = "Answer with the word: ready"

/** A model that always thinks needs some of it for that. */
const MAX_TOKENS = 1_024

/** Nobody waits at the keyboard for longer. */
const ANSWER_WITHIN_MS = 60_000

function withoutKey(error: unknown): { reason: string; mend: string } {
  if (!(error instanceof EnvironmentError)) throw error
  return { reason: error.message, mend: error.hint ?? "" }
}

/** As an agent asks: over a stream, through whatever stands between this machine and the API. */
async function ask(connection: Connection, model: string) {
  const request = { model, max_tokens: MAX_TOKENS, messages: [{ role: "user" as const, content: QUESTION }] }
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  const start_ms = performance.now()
  const answer = await attempt(connection, request, { signal, stall_ms: ANSWER_WITHIN_MS, heardAt: () => start_ms })
  const took_ms = Math.round(performance.now() - start_ms)
  const cost_usd = costOf(await builtInPrices(), answer.model, answer.usage)
  return { model: answer.model, request_id: answer.request_id, took_ms, cost_usd }
}

function mendOf({ status }: Failure, model: string): string {
  const address = process.env.ANTHROPIC_BASE_URL?.trim()
  if (status === UNAUTHORISED || status === FORBIDDEN) return "use a key that is valid here: export ANTHROPIC_API_KEY=…"
  if (status === NOT_FOUND)
    return `name a model that there is${didYouMean(model, KNOWN_MODELS)}; known are ${KNOWN_MODELS.join(", ")}${address ? `; ANTHROPIC_BASE_URL is ${address}` : ""}`
  if (status === TOO_MANY || (status !== null && status >= 500)) return "try again later"
  if (status !== null) return "see whether the model takes such requests at all"
  return address ? `see whether ANTHROPIC_BASE_URL is right: ${address}` : "see whether this machine reaches the API"
}
