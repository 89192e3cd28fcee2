import type { Clock } from "../lib/clock.ts"
import { UsageError } from "../lib/errors.ts"
import type { Books } from "./books.ts"
import type { LimitStore, OnCall } from "./store.ts"

/** Where a store is: in a SQLite file that all nodes can open, or at a Redis server whose database is the store's alone. */
export type Place = { kind: "sqlite"; file: string } | { kind: "redis"; url: string }

/** A file's path, or `redis://[user:password@]host[:port][/database]`. Throws UsageError for any other kind of address. */
export function placeFrom(text: string): Place {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? []
  if (scheme === undefined) return { kind: "sqlite", file: text }
  if (scheme !== "redis" || !URL.canParse(text)) {
    throw new UsageError(`"${text}" is no store: a file, or redis://HOST:PORT`)
  }
  return { kind: "redis", url: text }
}

/** How a place is named in a log, without its password. */
export function shownPlace(place: Place): string {
  if (place.kind === "sqlite") return place.file
  const url = new URL(place.url)
  if (url.password !== "") url.password = "***"
  return url.href
}

/** Opens the store as a node does. It is created where there is none. */
export async function openStore(place: Place, options: { clock: Clock; onCall: OnCall }): Promise<LimitStore> {
  if (place.kind === "redis") {
    const { openRedisStore } = await import("./redis/store.ts")
    return openRedisStore(place.url, { ...options, shown: shownPlace(place) })
  }
  const { openSqliteStore } = await import("./sqlite/store.ts")
  return openSqliteStore(place.file, options)
}

/** Opens the store as its administrator does, to look only or to change it. It is never created. */
export async function openBooks(place: Place, options: { clock: Clock; change: boolean }): Promise<Books> {
  if (place.kind === "redis") {
    const { openRedisBooks } = await import("./redis/books.ts")
    return openRedisBooks(place.url, { ...options, shown: shownPlace(place) })
  }
  const { openSqliteBooks } = await import("./sqlite/books.ts")
  return openSqliteBooks(place.file, options)
}
