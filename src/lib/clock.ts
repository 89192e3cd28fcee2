/** Time, passed in wherever it is read, so that tests can move it. */
export interface Clock {
  /** Wall clock, for the record. */
  now(): Date
  /** Monotonic milliseconds. Differences are exact within a process and good to a few ms between processes. */
  mono_ms(): number
  /** Resolves after `duration_ms`, at once when the signal aborts. Never rejects. */
  sleep(duration_ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => new Date(),
  mono_ms: () => performance.timeOrigin + performance.now(),
  sleep: (duration_ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener("abort", done)
        resolve()
      }
      const timer = setTimeout(done, Math.max(0, duration_ms))
      signal?.addEventListener("abort", done, { once: true })
    }),
}

/** What the wall clock said at a monotonic moment, as ISO text. */
export function timeOf(mono_ms: number, clock: Clock): string {
  return new Date(clock.now().getTime() - (clock.mono_ms() - mono_ms)).toISOString()
}

/** What `work` resolves to; undefined when that takes longer than `timeout_ms`, and nobody waits for it then. Leaves no timer. */
export async function within<T>(
  work: Promise<T>,
  { timeout_ms, clock = systemClock }: { timeout_ms: number; clock?: Clock },
): Promise<T | undefined> {
  const done = new AbortController()
  try {
    return await Promise.race([work, clock.sleep(timeout_ms, done.signal).then(() => undefined)])
  } finally {
    done.abort()
  }
}

/** Resolves true as soon as `condition` does, false when `timeout_ms` has passed. Looks every `every_ms`. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  options: { timeout_ms: number; every_ms: number; clock?: Clock; signal?: AbortSignal | undefined },
): Promise<boolean> {
  const clock = options.clock ?? systemClock
  const end_ms = clock.mono_ms() + options.timeout_ms
  while (!(await condition())) {
    if (options.signal?.aborted || clock.mono_ms() >= end_ms) return false
    await clock.sleep(Math.min(options.every_ms, end_ms - clock.mono_ms()), options.signal)
  }
  return true
}
