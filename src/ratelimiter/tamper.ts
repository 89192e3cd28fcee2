import type { Clock } from "../lib/clock.ts"
import { sha256 } from "../lib/ids.ts"
import { openDatabase } from "./database.ts"

/** Counters among which the seed chooses. */
const MAX_CANDIDATES = 10_000
/** A program that does one thing may wait for it; nodes hold the lock for milliseconds. */
const BUSY_TIMEOUT_MS = 2_000

export interface Tampering {
  by: number
  seed: string
  tampered: { key: string; before: number; after: number }[]
}

/**
 * Falsifies the counters of `keys` keys in use by `by`, and leaves the log alone: the API now says what the store doesn't
 * hold, until somebody repairs it. The seed chooses. Where fewer keys are in use, keys named `idle:SEED:N` make up the number.
 */
export async function tamper(
  file: string,
  options: { keys: number; by: number; seed: string; clock: Clock },
): Promise<Tampering> {
  const { keys, by, seed, clock } = options
  const db = await openDatabase(file, { create: false, busy_timeout_ms: BUSY_TIMEOUT_MS, clock })
  const inUse = db.query<{ key: string }, []>(`select key from counters where used > 0 limit ${MAX_CANDIDATES}`)
  const falsify = db.query<{ used: number }, [{ key: string; by: number }]>(
    `insert into counters (key, used) values (:key, :by)
     on conflict (key) do update set used = used + excluded.used returning used`,
  )
  try {
    const tampered = db
      .transaction(() =>
        choose(
          inUse.all().map(({ key }) => key),
          keys,
          seed,
        ).map((key) => {
          const after = falsify.get({ key, by })?.used ?? by
          return { key, before: after - by, after }
        }),
      )
      .immediate()
    return { by, seed, tampered }
  } finally {
    db.close()
  }
}

// internal

/** The keys whose hash with the seed is lowest: the same choice whichever others come and go above them. */
function choose(candidates: string[], keys: number, seed: string): string[] {
  const draws = candidates.map((key) => ({ key, draw: sha256(`${seed}:${key}`) }))
  const chosen = draws.sort((a, b) => (a.draw < b.draw ? -1 : 1)).slice(0, keys)
  const idle = Array.from({ length: keys - chosen.length }, (_, n) => `idle:${seed}:${n + 1}`)
  return [...chosen.map(({ key }) => key), ...idle]
}
