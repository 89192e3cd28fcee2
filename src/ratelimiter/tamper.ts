import type { Clock } from "../lib/clock.ts"
import { sha256 } from "../lib/ids.ts"
import type { Falsified } from "./books.ts"
import { openBooks, type Place } from "./open.ts"

export interface Tampering {
  by: number
  seed: string
  tampered: Falsified[]
}

/**
 * Falsifies the counters of `keys` keys in use by `by`, and leaves the log alone: the API now says what the store doesn't
 * hold, until somebody repairs it. The seed chooses. Where fewer keys are in use, keys named `idle:SEED:N` make up the number.
 */
export async function tamper(
  place: Place,
  options: { keys: number; by: number; seed: string; clock: Clock },
): Promise<Tampering> {
  const { keys, by, seed, clock } = options
  const books = await openBooks(place, { clock, change: true })
  try {
    return { by, seed, tampered: await books.falsify(by, (inUse) => chosen(inUse, keys, seed)) }
  } finally {
    books.close()
  }
}

// internal

/** The keys whose hash with the seed is lowest: the same choice whichever others come and go above them. */
function chosen(candidates: string[], keys: number, seed: string): string[] {
  const draws = candidates.map((key) => ({ key, draw: sha256(`${seed}:${key}`) }))
  const chosen = draws.sort((a, b) => (a.draw < b.draw ? -1 : 1)).slice(0, keys)
  const idle = Array.from({ length: keys - chosen.length }, (_, n) => `idle:${seed}:${n + 1}`)
  return [...chosen.map(({ key }) => key), ...idle]
}
