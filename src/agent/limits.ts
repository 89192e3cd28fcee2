import type { Clock } from "../lib/clock.ts"
import type { Outcome } from "../store/kinds.ts"

/** Bounds of one session (DESIGN section 10). */
export interface SessionLimits {
  steps: number
  usd: number
  minutes: number
  command_timeout_ms: number
}

export const DEFAULT_LIMITS: SessionLimits = { steps: 60, usd: 3, minutes: 15, command_timeout_ms: 120_000 }

/** A session's lease on its lab; renewed at a third of it, so that two renewals may fail. */
export const LEASE_MS = 30_000

/** Sessions on one lab, one after another. */
export const ATTEMPTS = 2

/** What a session has used so far, and whether that is enough. */
export interface Meter {
  steps: number
  cost_usd: number
  /** The first limit that is reached, in the order steps, dollars, time. */
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
    left_ms: () => Math.max(0, end_ms - clock.mono_ms()),
    time_up: AbortSignal.timeout(Math.min(time_ms, MAX_TIMER_MS)),
    exceeded: () => {
      if (meter.steps >= limits.steps) return { kind: "limit", which: "steps" }
      if (meter.cost_usd >= limits.usd) return { kind: "limit", which: "usd" }
      if (meter.left_ms() === 0) return { kind: "limit", which: "time" }
      return undefined
    },
  }
  return meter
}
