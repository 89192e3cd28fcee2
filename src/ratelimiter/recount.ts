import type { Clock } from "../lib/clock.ts"
import { openBooks, type Place } from "./open.ts"

/** Sets each counter to what the log holds. Resolves to the number of counters that were wrong. */
export async function recount(place: Place, clock: Clock): Promise<{ recounted: number }> {
  const books = await openBooks(place, { clock, change: true })
  try {
    return { recounted: await books.recount() }
  } finally {
    books.close()
  }
}
