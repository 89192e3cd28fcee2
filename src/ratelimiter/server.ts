import { messageOf } from "../lib/errors.ts"
import { problem, problemOf } from "./json.ts"
import { type Call, ROUTES } from "./routes.ts"

const METHODS = ["GET", "POST", "PUT", "DELETE"]
/** No handler takes longer than the store's patience; this is for clients that send their body slowly. */
const IDLE_TIMEOUT_S = 10
/** Bun's own bound would answer without a word. `readJson` reads little, and says why it stops. */
const NO_BOUND_BYTES = Number.MAX_SAFE_INTEGER

/** Answers requests on behalf of a node, from now on. Throws when the address cannot be had. */
export function listen(
  address: { hostname: string; port: number },
  node: Omit<Call, "request" | "url">,
): Bun.Server<undefined> {
  return Bun.serve({
    ...address,
    idleTimeout: IDLE_TIMEOUT_S,
    maxRequestBodySize: NO_BOUND_BYTES,
    // Without development mode Bun shares a port silently with whoever has it already, unless told not to.
    reusePort: false,
    development: false,
    // HTTP/1.0 asks without a host.
    fetch: (request) => answer({ request, url: new URL(request.url, "http://node"), ...node }),
  })
}

// internal

async function answer(call: Call): Promise<Response> {
  const method = call.request.method
  const path = call.url.pathname.startsWith("/counters/") ? "/counters/:key" : call.url.pathname
  const handle = ROUTES.get(`${method} ${path}`)
  if (!handle) return noRoute(method, path)
  const start_ms = call.clock.mono_ms()
  try {
    return await handle(call)
  } catch (error) {
    const planned = problemOf(error)
    if (planned) return planned
    call.log("internal_error", { route: `${method} ${path}`, error: messageOf(error) })
    return problem(500, "internal error")
  } finally {
    call.metrics.answered(call.clock.mono_ms() - start_ms)
  }
}

function noRoute(method: string, path: string): Response {
  const allowed = METHODS.filter((candidate) => ROUTES.has(`${candidate} ${path}`))
  if (allowed.length === 0) return problem(404, `there is no ${path}`)
  return problem(405, `${path} does not take ${method}`, { allow: allowed.join(", ") })
}
