import { claudeModel, type ClaudeOptions } from "../../src/agent/model/claude.ts"
import type { FailedAttempt, Message, Model, Turn } from "../../src/agent/model/model.ts"
import type { Settings } from "../../src/agent/model/request.ts"
import { builtInPrices } from "../../src/agent/prices.ts"
import { type Clock, systemClock } from "../../src/lib/clock.ts"

export const MODEL = "claude-opus-5-5"

export const SETTINGS: Settings = {
  model: MODEL,
  max_tokens: 16_000,
  tools_config: { tool_choice: { type: "auto" }, enabled_tools: ["shell"] },
}

const prices = await builtInPrices()

/** The real model, which finds its address and its key where a test says. */
export function claudeAt({ url, key }: { url: string; key: string }, change: Partial<ClaudeOptions> = {}): Model {
  const env = { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: url }
  return claudeModel({
    ...{ settings: SETTINGS, system: "You are on call.", prices, clock: quickClock(), random: () => 0, env },
    ...change,
  })
}

/** The system's clock, of which the sleeps are over at once; they are counted as if they had been slept. */
export function quickClock(): Clock & { slept: number[] } {
  const slept: number[] = []
  let ahead_ms = 0
  return {
    ...systemClock,
    mono_ms: () => systemClock.mono_ms() + ahead_ms,
    sleep: async (duration_ms) => {
      slept.push(duration_ms)
      ahead_ms += duration_ms
    },
    slept,
  }
}

export const page = (text = "The lab is down."): Message => ({ role: "user", content: [{ type: "text", text }] })

export interface Asked {
  turn: Turn
  failures: FailedAttempt[]
}

/** Asks for the turn that follows a history, by default for the first one. */
export async function turnOf(
  model: Model,
  { history = [page()], signal = new AbortController().signal, failures = [] as FailedAttempt[] } = {},
): Promise<Asked> {
  const turn = await model.turn(history, { signal, onFailure: (failure) => failures.push(failure) })
  return { turn, failures }
}
