import { CONTAINER_ROUTES } from "./container-routes.ts"
import { ENGINE_ROUTES } from "./engine-routes.ts"
import type { Head } from "./head.ts"
import { OBJECT_ROUTES } from "./object-routes.ts"
import { type About, denied, type Judgement, noWayIn, type Route } from "./route.ts"
import type { Target } from "./target.ts"

/** The route that a request takes, with what stands at its `:ref`. */
export interface Matched {
  route: Route
  ref: string
}

/** Undefined when nobody may ask this. */
export function match({ method }: Head, { path }: Target): Matched | undefined {
  for (const { route, pattern } of TABLE) {
    const found = route.method === method ? pattern.exec(path) : null
    if (found) return { route, ref: found[1] ?? "" }
  }
  return undefined
}

/** Why a request cannot be read as its route wants it, before its body comes; undefined when it can. */
export function misfit({ route }: Matched, head: Head, { query }: Target): Judgement | undefined {
  const unknown = [...query.keys()].find((key) => !route.query.includes(key))
  if (unknown !== undefined) return denied(400, `the parameter "${unknown.slice(0, 40)}" is not allowed here`)
  if (head.upgrade !== undefined && !(route.upgrades && head.upgrade === "tcp")) {
    return denied(400, "only attach and exec change the protocol, and only to tcp")
  }
  if (head.content_type !== undefined && !CONTENT_TYPES.has(head.content_type)) {
    return denied(415, `the content type "${head.content_type.slice(0, 60)}" is not allowed here`)
  }
  const length = head.length_bytes ?? 0
  if (route.body === "none" && (head.chunked || length > IDLE_BODY_BYTES))
    return denied(400, `${route.name} has no body`)
  if (route.body !== "json") return undefined
  if (head.chunked) return denied(411, "a JSON body needs a Content-Length")
  return length > JSON_MAX_BYTES ? denied(413, `a JSON body has at most ${JSON_MAX_BYTES} bytes`) : undefined
}

/** What becomes of a request that fits its route. `body` is its text, "" on routes without one. */
export async function judge({ route, ref }: Matched, target: Target, body: string, about: About): Promise<Judgement> {
  const { version, query } = target
  let json: unknown
  try {
    json = route.body === "json" && body !== "" ? JSON.parse(body) : {}
  } catch {
    return denied(400, "the body is not JSON")
  }
  const entered = route.enters ? await about.container(ref) : undefined
  if (entered?.way_out !== undefined) return noWayIn(entered)
  return route.judge({ version, query, ref, body: json }, about)
}

/** The largest create that Compose writes is a few kilobytes. */
export const JSON_MAX_BYTES = 1024 * 1024

// internal

/** Some clients send `{}` or `null` where no body belongs; the engine overlooks as much. It is never sent on. */
const IDLE_BODY_BYTES = 7

/** Not the form's: its fields would override the query. Clients call an archive, and nothing at all, text/plain. */
const CONTENT_TYPES = new Set(["application/json", "application/octet-stream", "application/x-tar", "text/plain"])

const REF = "([a-zA-Z0-9][a-zA-Z0-9_.-]{0,254})"
const IMAGE = "([a-zA-Z0-9](?:[a-zA-Z0-9_.:@-]|/(?=[a-zA-Z0-9])){0,254})"

const TABLE = [...CONTAINER_ROUTES, ...OBJECT_ROUTES, ...ENGINE_ROUTES].map((route) => {
  const pattern = route.path.replace(":ref", REF).replace(":image", IMAGE)
  return { route, pattern: new RegExp(`^${pattern}$`) }
})
