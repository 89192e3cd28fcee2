import type { Parsed } from "./head.ts"

/** What a request is about: the path without its version, and the query, each key once. */
export interface Target {
  /** "/v1.41", or "" when the client named none. */
  version: string
  path: string
  query: ReadonlyMap<string, string>
}

/**
 * Reads a request's target. The engine's router decodes `%2F` inside a path and cleans `//` and `..`, so none of them may occur.
 * Versions before 1.24 are refused, since they give bodies to requests that have none today (a HostConfig to `start`).
 */
export function parseTarget(text: string): Parsed<Target> {
  const mark = text.indexOf("?")
  const whole = mark === -1 ? text : text.slice(0, mark)
  if (!PATH.test(whole)) return malformed("the path has characters that no route has")
  if (whole.includes("//") || whole.split("/").some((part) => part === "." || part === "..")) {
    return malformed("the path is not in its plain form")
  }
  const version = VERSION.exec(whole)
  if (version && Number(version[1]) < MINOR_MIN) return malformed(`the oldest API version here is 1.${MINOR_MIN}`)
  const prefix = version?.[0] ?? ""
  const query = parseQuery(mark === -1 ? "" : text.slice(mark + 1))
  if (query.kind === "malformed") return query
  return { kind: "parsed", value: { version: prefix, path: whole.slice(prefix.length), query: query.value } }
}

/** A query in its one plain form, with its question mark; "" when it is empty. */
export function writeQuery(query: ReadonlyMap<string, string>): string {
  const pairs = [...query].map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`
}

// internal

const PATH = /^\/[A-Za-z0-9_.:@/-]*$/
const VERSION = /^\/v1\.(\d{1,3})(?=\/)/
const MINOR_MIN = 24

/** Neither ";" (a separator for some parsers) nor "#" or a space. */
const QUERY = /^[^;#\s\x00-\x1f\x7f-\uffff]*$/

const malformed = (reason: string) => ({ kind: "malformed" as const, reason })

function parseQuery(text: string): Parsed<Map<string, string>> {
  const query = new Map<string, string>()
  if (!QUERY.test(text)) return malformed("the query has characters that must be encoded")
  for (const pair of text.split("&").filter((part) => part !== "")) {
    const [key = "", ...rest] = pair.split("=").map(decoded)
    if (key === undefined || rest.includes(undefined)) return malformed("the query is wrongly encoded")
    if (query.has(key)) return malformed(`the query has "${key.slice(0, 40)}" twice`)
    query.set(key, rest.join("="))
  }
  return { kind: "parsed", value: query }
}

/** The plain text of one part; undefined for what is not UTF-8 or has control characters. */
function decoded(part: string): string | undefined {
  try {
    const text = decodeURIComponent(part.replaceAll("+", " "))
    return /[\x00-\x1f\x7f]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}
