import type { Clock } from "../../lib/clock.ts"
import { costOf, type Prices, worstCostOf } from "../prices.ts"
import { type Answer, attempt, Broken } from "./attempt.ts"
import { connect } from "./client.ts"
import { failureOf, MAX_ATTEMPTS, NoTurn, pauseAfter, UNAUTHORISED } from "./failure.ts"
import type { Message, Model, TurnOptions } from "./model.ts"
import { requestOf, serverWork, type Settings } from "./request.ts"

export interface ClaudeOptions {
  settings: Settings
  /** The system prompt. */
  system: string
  prices: Prices
  clock: Clock
  /** Not a byte of an answer for this long ends an attempt; the API pings every few seconds. */
  stall_ms?: number
  /** Spreads the pauses. */
  random?: () => number
  /** Where the key and the address are. */
  env?: NodeJS.ProcessEnv
}

/** Claude through the Messages API. Every attempt that fails is told; what was used is counted, also by those. */
export function claudeModel(options: ClaudeOptions): Model {
  const { settings, system, prices, clock, stall_ms = STALL_MS, random = Math.random, env = process.env } = options
  let heard_ms = 0
  let connecting: ReturnType<typeof connect> | undefined
  let known: KnownPrompt = { messages: 0, tokens: 0 }

  return {
    name: settings.model,
    system,
    worstCost_usd: (history) => {
      const prompt_tokens = promptTokens(known, history, system)
      const server = serverWork(settings)
      return worstCostOf(prices, settings.model, { prompt_tokens, max_tokens: settings.max_tokens, server })
    },
    turn: async (history, { signal, onFailure }: TurnOptions) => {
      const connection = await (connecting ??= connect(() => (heard_ms = performance.now()), env))
      if (history.length % TIDY_EVERY_MESSAGES === TIDY_EVERY_MESSAGES - 1) Bun.gc(true)
      const request = requestOf(settings, system, history)
      const started_ms = clock.mono_ms()
      for (let attempts = 1; ; attempts += 1) {
        const waited_ms = attempts === 1 ? 0 : clock.mono_ms() - started_ms
        try {
          const answer = await attempt(connection, request, { signal, stall_ms, heardAt: () => heard_ms })
          known = { messages: history.length + 1, tokens: tokensOf(answer) }
          return { ...answer, cost_usd: costOf(prices, answer.model, answer.usage), waited_ms }
        } catch (error) {
          if (!(error instanceof Broken)) throw error
          if (signal.aborted) onFailure(INTERRUPTED)
          signal.throwIfAborted()
          const failure = failureOf(error.cause)
          const cost_usd = failure.billed ? null : 0
          const other = failure.status === UNAUTHORISED && attempts < MAX_ATTEMPTS && connection.tryOtherHeader()
          const pause_ms = other ? 0 : pauseAfter(attempts, failure, random)
          onFailure({ reason: failure.reason, status: failure.status, pause_ms, cost_usd })
          if (pause_ms === null) throw new NoTurn(failure, attempts)
          await clock.sleep(pause_ms, signal)
          signal.throwIfAborted()
        }
      }
    },
  }
}

// internal

const STALL_MS = 90_000

/** The SDK writes the whole conversation anew for each turn. In one of hundreds of turns what is left of that comes to tens of megabytes. */
const TIDY_EVERY_MESSAGES = 300

/** Whoever hangs up does not learn what it cost in the end. */
const INTERRUPTED = { reason: "interrupted", status: null, pause_ms: null, cost_usd: null }

/** A prompt that the API has counted: the first so many messages of a history, the answer to them included. */
interface KnownPrompt {
  messages: number
  tokens: number
}

/** Text has more bytes than this in a token, save for the strangest. */
const LEAST_BYTES_A_TOKEN = 2
/** Tools, and what the API adds of its own. */
const OVERHEAD_TOKENS = 2_000

/** At most so many tokens go out with a history: what the API has counted, and a generous guess at what is new since. */
function promptTokens(known: KnownPrompt, history: readonly Message[], system: string): number {
  const fresh = JSON.stringify(history.slice(known.messages)) + (known.messages === 0 ? system : "")
  return known.tokens + OVERHEAD_TOKENS + Math.ceil(Buffer.byteLength(fresh) / LEAST_BYTES_A_TOKEN)
}

function tokensOf({ usage }: Answer): number {
  const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage
  const parts = [input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens]
  return parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)
}
