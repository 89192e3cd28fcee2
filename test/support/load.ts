import { expect } from "bun:test"
import { systemClock, waitUntil } from "../../src/lib/clock.ts"
import type { Lab } from "../../src/lab/lab.ts"
import { runWorkload } from "../../src/lab/workload/run.ts"
import type { Store } from "../../src/store/open.ts"
import { type Second, secondsOf } from "../../src/store/samples.ts"

/** Runs the load in this process while `during` does, then ends it and gives what it kept. */
export async function loaded(lab: Lab, store: Store, during: () => Promise<unknown>): Promise<Second[]> {
  const end = new AbortController()
  const running = runWorkload(store, lab, { signal: end.signal })
  try {
    await Promise.race([during(), running])
  } finally {
    end.abort()
    await running
  }
  return secondsOf(store, lab.id)
}

/** Waits for `n` seconds that begin from now on and are complete, and gives them. */
export async function nextSeconds(lab: Lab, store: Store, n: number): Promise<Second[]> {
  const from = Math.floor(systemClock.mono_ms() / 1_000) + 1
  const seconds = () => secondsOf(store, lab.id, { from }).slice(0, n)
  expect(await waitUntil(() => seconds().length === n, { timeout_ms: 10_000 + n * 1_000, every_ms: 20 })).toBe(true)
  return seconds()
}

export function total(seconds: Second[], what: "scheduled" | "sent" | "ok" | "failed"): number {
  return seconds.reduce((sum, second) => sum + second[what], 0)
}
