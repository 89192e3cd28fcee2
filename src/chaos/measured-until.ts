import { waitUntil } from "../lib/clock.ts"

/** What is measured, again and again until it is enough, or has not been for a while. */
export async function measuredUntil<T>(measure: () => Promise<T>, isEnough: (now: T) => boolean): Promise<T> {
  let now = await measure()
  await waitUntil(async () => isEnough((now = await measure())), FELT)
  return now
}

// internal

/** On a machine with much to do everything takes its time, and a node with little to do feels a fault only now and then. */
const FELT = { timeout_ms: 5_000, every_ms: 50 }
