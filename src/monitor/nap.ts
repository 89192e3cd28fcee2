import type { Clock } from "../lib/clock.ts"

/** A sleep that can be cut short. A call that comes while nobody sleeps cuts the next sleep. */
export interface Nap {
  sleep(duration_ms: number): Promise<void>
  wake(): void
}

export function nap(clock: Clock): Nap {
  let called = false
  let sleeping: AbortController | undefined
  return {
    sleep: async (duration_ms) => {
      sleeping = new AbortController()
      if (!called) await clock.sleep(duration_ms, sleeping.signal)
      called = false
    },
    wake: () => {
      called = true
      sleeping?.abort()
    },
  }
}
