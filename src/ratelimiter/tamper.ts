import type { Clock } from "../lib/clock.ts"
import { sha256 } from "../lib/ids.ts"
import { type Place, shownPlace } from "./open.ts"

export interface Tampering {
  by: number
  seed: string
  tampered: Falsified[]
}

export interface Falsified {
  key: string
  before: number
  after: number
}

/** Adds `by` to the counters that `choose` picks, of those in use or not, and leaves the log alone. It is shown `most` at most. */
export interface Falsifying {
  by: number
  most: number
  choose(inUse: string[]): string[]
  clock: Clock
}

/**
 * Falsifies the counters of `keys` keys in use by `by`, and leaves the log alone: the API now says what the store doesn't
 * hold, until somebody repairs it. The seed chooses. Where fewer keys are in use, keys named `idle:SEED:N` make up the number.
 */
export async function tamper(
  place: Place,
  { keys, by, seed, clock }: { keys: number; by: number; seed: string; clock: Clock },
): Promise<Tampering> {
  const falsifying = { by, most: MAX_CANDIDATES, choose: (inUse: string[]) => chosen(inUse, keys, seed), clock }
  return { by, seed, tampered: await falsify(place, falsifying) }
}

/** Changes counters and nothing else: what the API says is no longer what the log holds. */
export async function falsify(place: Place, falsifying: Falsifying): Promise<Falsified[]> {
  if (place.kind === "redis") {
    const { falsifyAtRedis } = await import("./redis/tamper.ts")
    return falsifyAtRedis(place.url, shownPlace(place), falsifying)
  }
  const { falsifyInFile } = await import("./sqlite/tamper.ts")
  return falsifyInFile(place.file, falsifying)
}

// internal

const MAX_CANDIDATES = 10_000

/** The keys whose hash with the seed is lowest: the same choice whichever others come and go above them. */
function chosen(candidates: string[], keys: number, seed: string): string[] {
  const draws = candidates.map((key) => ({ key, draw: sha256(`${seed}:${key}`) }))
  const chosen = draws.sort((a, b) => (a.draw < b.draw ? -1 : 1)).slice(0, keys)
  const idle = Array.from({ length: keys - chosen.length }, (_, n) => `idle:${seed}:${n + 1}`)
  return [...chosen.map(({ key }) => key), ...idle]
}
