import type { Clock } from "../lib/clock.ts"
import { OperatorError } from "../lib/errors.ts"
import type { Books } from "./books.ts"
import { askFor, NoAnswer } from "./client.ts"
import { openBooks, type Place } from "./open.ts"

/** Traffic between two readings looks like drift. What still differs after this many further looks is real. */
const LOOKS_AGAIN = 3
const BETWEEN_LOOKS_MS = 50
const TIMEOUT_MS = 1_000
const PAGE_SIZE = 1_000
/** Bounds what is held in memory. */
const MAX_PAGES = 1_000
const MAX_EXAMPLES = 10

export interface Drift {
  keys: number
  drifted: number
  examples: DriftedKey[]
}

/** What the API says was used, and what the store's log holds. */
export interface DriftedKey {
  key: string
  api: number
  store: number
}

/** Compares the counters of the API at `url` with the store's log. Throws when one of them gives no answer. */
export async function drift(url: string, place: Place, clock: Clock): Promise<Drift> {
  const books = await openBooks(place, { clock, change: false })
  try {
    const first = await look(url, books)
    let drifted = first.differing
    for (let again = 0; again < LOOKS_AGAIN && drifted.length > 0; again++) {
      await clock.sleep(BETWEEN_LOOKS_MS)
      const suspects = new Set(drifted.map(({ key }) => key))
      drifted = (await look(url, books)).differing.filter(({ key }) => suspects.has(key))
    }
    return { keys: first.keys, drifted: drifted.length, examples: drifted.slice(0, MAX_EXAMPLES) }
  } finally {
    books.close()
  }
}

// internal

/** The log is read on both sides of the API: a number between the two readings is right, however busy the key. */
async function look(url: string, books: Books): Promise<{ keys: number; differing: DriftedKey[] }> {
  const before = await books.countLog()
  const api = await readCounters(url)
  const after = await books.countLog()
  const keys = new Set([...before.keys(), ...api.keys(), ...after.keys()])
  const differing: DriftedKey[] = []
  for (const key of keys) {
    const said = api.get(key) ?? 0
    const [held_before, held_after] = [before.get(key) ?? 0, after.get(key) ?? 0]
    if (said < Math.min(held_before, held_after) || said > Math.max(held_before, held_after)) {
      differing.push({ key, api: said, store: held_after })
    }
  }
  return { keys: keys.size, differing }
}

async function readCounters(url: string): Promise<Map<string, number>> {
  const counters = new Map<string, number>()
  let after = ""
  for (let page = 0; page < MAX_PAGES; page++) {
    const path = `/counters?limit=${PAGE_SIZE}&after=${encodeURIComponent(after)}`
    const body = await askFor(url, path, { timeout_ms: TIMEOUT_MS })
    if (!isPage(body)) throw new NoAnswer(`${url} answers GET /counters with something else than counters`)
    for (const { key, used } of body.counters) counters.set(key, used)
    if (body.next === null) return counters
    after = body.next
  }
  throw new OperatorError(`${url} has more than ${MAX_PAGES * PAGE_SIZE} counters, too many to compare`)
}

function isPage(body: unknown): body is { counters: { key: string; used: number }[]; next: string | null } {
  const page = body as { counters?: unknown; next?: unknown } | null
  if (!Array.isArray(page?.counters) || (page.next !== null && typeof page.next !== "string")) return false
  return page.counters.every((counter) => typeof counter?.key === "string" && typeof counter?.used === "number")
}
