/** What counts as recent. A latency that has passed should not colour the present. */
const RECENT_MS = 10_000
/** Samples kept. A node that checks more often than this in RECENT_MS looks at the latest alone. */
const MAX_SAMPLES = 1_024

/** The latest durations of one kind of work, for a percentile of the present. */
export class RecentDurations {
  readonly #samples: { at_ms: number; duration_ms: number }[] = []
  #next = 0

  /** `at_ms` is the monotonic moment at which the work ended. */
  add(duration_ms: number, at_ms: number): void {
    this.#samples[this.#next] = { at_ms, duration_ms }
    this.#next = (this.#next + 1) % MAX_SAMPLES
  }

  /** The 99th percentile (nearest rank), or null when there was no work lately. */
  p99_ms(now_ms: number): number | null {
    const recent = this.#samples.filter((sample) => now_ms - sample.at_ms <= RECENT_MS)
    const sorted = recent.map((sample) => sample.duration_ms).sort((a, b) => a - b)
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? null
  }
}
