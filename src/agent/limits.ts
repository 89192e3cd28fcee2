import type { Clock } from "../lib/clock.ts"
import type { ModelTotals, Outcome } from "../store/kinds.ts"
import type { Turn } from "./model/model.ts"
import type { Usage } from "./prices.ts"

/** Bounds of one session. */
export interface SessionLimits {
  steps: number
  /** Null: however much it costs. */
  usd: number | null
  minutes: number
  command_timeout_ms: number
}

export const DEFAULT_LIMITS: SessionLimits = { steps: 60, usd: 3, minutes: 15, command_timeout_ms: 120_000 }

/** A session's lease on its lab; renewed at a third of it, so that two renewals may fail. */
export const LEASE_MS = 30_000

/** Sessions on one lab, one after another. */
export const ATTEMPTS = 2

/** What a session has used so far, and whether that is enough. Its dollars are in its purse. */
export interface Meter {
  steps: number
  /** Null once something was used of which the price is not known. */
  cost_usd: number | null
  totals: ModelTotals
  /** A turn that was had: it is a step, whatever comes of it. */
  count(turn: Turn, took_ms: number): void
  /** What else the session cost: attempts that failed. */
  charge(cost_usd: number | null): void
  /** Waiting for a turn that did not come; in vain when all that came were failures. */
  wait(took_ms: number, how: { in_vain: boolean }): void
  /** The first limit that is reached, in the order steps, time. */
  exceeded(): Outcome | undefined
  /** Until the time is up: a command gets no more than this. */
  left_ms(): number
  /** Aborts when the time is up, for a turn that would take longer. */
  time_up: AbortSignal
}

/** A timer cannot be set further ahead. */
const MAX_TIMER_MS = 2 ** 31 - 1

export function startMeter(limits: SessionLimits, clock: Clock): Meter {
  const time_ms = limits.minutes * 60_000
  const end_ms = clock.mono_ms() + time_ms
  const meter: Meter = {
    steps: 0,
    cost_usd: 0,
    totals: { ...NOTHING },
    count: (turn, took_ms) => {
      meter.steps += 1
      meter.charge(turn.cost_usd)
      meter.totals = added(meter.totals, turn.usage)
      meter.totals.model_ms += took_ms
      meter.totals.waited_ms += turn.waited_ms
    },
    charge: (cost_usd) => {
      meter.cost_usd = meter.cost_usd === null || cost_usd === null ? null : meter.cost_usd + cost_usd
    },
    wait: (took_ms, { in_vain }) => {
      meter.totals.model_ms += took_ms
      if (in_vain) meter.totals.waited_ms += took_ms
    },
    left_ms: () => Math.max(0, end_ms - clock.mono_ms()),
    time_up: AbortSignal.timeout(Math.min(time_ms, MAX_TIMER_MS)),
    exceeded: () => {
      if (meter.steps >= limits.steps) return { kind: "limit", which: "steps" }
      if (meter.left_ms() === 0) return { kind: "limit", which: "time" }
      return undefined
    },
  }
  return meter
}

// internal

const NOTHING: ModelTotals = {
  ...{ input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0 },
  ...{ cache_hit_rate: null, model_ms: 0, waited_ms: 0 },
}

function added(totals: ModelTotals, usage: Usage): ModelTotals {
  const input_tokens = totals.input_tokens + (usage.input_tokens ?? 0)
  const cache_read_tokens = totals.cache_read_tokens + (usage.cache_read_input_tokens ?? 0)
  const cache_write_tokens = totals.cache_write_tokens + (usage.cache_creation_input_tokens ?? 0)
  const prompts = input_tokens + cache_read_tokens + cache_write_tokens
  return {
    ...totals,
    ...{ input_tokens, cache_read_tokens, cache_write_tokens },
    output_tokens: totals.output_tokens + (usage.output_tokens ?? 0),
    cache_hit_rate: prompts === 0 ? null : cache_read_tokens / prompts,
  }
}
