import type { Clock } from "../../src/lib/clock.ts"

/** A clock that stands until it is moved. Its sleeps end at once, and move it. */
export function fakeClock(start = "2026-01-28T12:00:00.000Z"): Clock & { advance(duration_ms: number): void } {
  let now_ms = Date.parse(start)
  const advance = (duration_ms: number) => {
    now_ms += duration_ms
  }
  return {
    now: () => new Date(now_ms),
    mono_ms: () => now_ms,
    sleep: async (duration_ms) => advance(duration_ms),
    advance,
  }
}
