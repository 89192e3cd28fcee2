/**
 * A store as its administrator sees it, beside the nodes: the log, which is the truth, and the counters, which ought to say
 * what it holds. Every method throws when the store gives no answer.
 */
export interface Books {
  /** How many units the log holds, by key. */
  countLog(): Promise<Map<string, number>>
  /** Sets each counter to what the log holds. Resolves to the number of counters that were wrong. */
  recount(): Promise<number>
  /** Adds `by` to the counters that `choose` picks, of those in use or not, and leaves the log alone. */
  falsify(by: number, choose: (inUse: string[]) => string[]): Promise<Falsified[]>
  close(): void
}

export interface Falsified {
  key: string
  before: number
  after: number
}

/** Counters that `choose` is shown at most. */
export const MAX_CANDIDATES = 10_000
