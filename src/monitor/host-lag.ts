import type { Clock } from "../lib/clock.ts"
import type { Observation } from "./judge.ts"

/** A timer of this process that fires so much too late means that the host, not the lab, is slow. */
const LATE_MS = 1_000
const TICK_MS = 250

export interface HostLag {
  /** By how much this process was late at any time since then; undefined when it was not. */
  since(moment_ms: number): number | undefined
  stop(): void
}

/** Watches whether this process gets to run: what was seen while it did not, was not seen. */
export function watchHostLag(clock: Clock): HostLag {
  let expected_ms = clock.mono_ms() + TICK_MS
  let last: { at_ms: number; late_ms: number } | undefined
  const check = () => {
    const now_ms = clock.mono_ms()
    if (now_ms - expected_ms <= LATE_MS) return
    last = { at_ms: now_ms, late_ms: now_ms - expected_ms }
    expected_ms = now_ms + TICK_MS
  }
  const timer = setInterval(() => {
    check()
    expected_ms = clock.mono_ms() + TICK_MS
  }, TICK_MS)
  return {
    since: (moment_ms) => {
      // After a pause, answers that waited in sockets may be handled before the timer.
      check()
      return last && last.at_ms >= moment_ms ? last.late_ms : undefined
    },
    stop: () => clearInterval(timer),
  }
}

/** What is left of an observation that was made while the host was late. */
export function hostWasLate(late_ms: number): Observation {
  return { status: "unknown", value: null, reason: `the monitor's own host was ${Math.round(late_ms)} ms late` }
}
