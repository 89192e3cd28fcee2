import type { Done, Store } from "../store/open.ts"

/** Writes of one conversation, of which those that nothing waits for share the next one's commit. */
export interface Batch {
  /** Put off until the next `now`, which must come before anything is awaited that takes time. */
  later(change: () => void): void
  /** What was put off, then this: all of it or nothing. */
  now<T>(change: () => Done<T>): T
}

export function openBatch(store: Store): Batch {
  let waiting: (() => void)[] = []
  return {
    later: (change) => void waiting.push(change),
    now: (change) => {
      const first = waiting
      waiting = []
      return store.write(() => {
        for (const each of first) each()
        return change()
      })
    },
  }
}
