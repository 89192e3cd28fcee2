/**
 * A store as its administrator sees it, beside the nodes: the log, which is the truth, and the counters, which ought to say
 * what it holds. Every method throws when the store gives no answer.
 */
export interface Books {
  /** How many units the log holds, by key. */
  countLog(): Promise<Map<string, number>>
  /** Sets each counter to what the log holds. Resolves to the number of counters that were wrong. */
  recount(): Promise<number>
  close(): void
}
