import type { Lab } from "../../lab/lab.ts"
import type { HttpRequest } from "../../lab/subject.ts"
import { parsedBody, type ProbeOptions, type ProbeResult } from "./answer.ts"
import { withDeadline } from "./deadline.ts"
import { connectionFailure } from "./failure.ts"

/** An answer for an expression to look at. What is longer is a download, and is not judged. */
const MAX_BODY_BYTES = 1024 * 1024

/** One request on a connection of its own: a node that has died must not be reached through an old socket. */
export async function httpProbe(lab: Lab, request: HttpRequest, options: ProbeOptions): Promise<ProbeResult> {
  const { timeout_ms, signal } = options
  const url = lab.render(request.url, options.values)
  const target = lab.resolve(url)
  if (target === undefined) return { kind: "silent", reason: `${new URL(url).hostname} is not running` }
  const prepared = prepare(lab, request, options.values)
  return withDeadline({ timeout_ms, signal }, async (deadline) => {
    const start_ms = performance.now()
    try {
      const response = await fetch(target, { ...prepared, signal: deadline.signal })
      const text = await boundedText(response)
      const duration_ms = performance.now() - start_ms
      if (text === undefined) return { kind: "blind", reason: `the answer is longer than ${MAX_BODY_BYTES} bytes` }
      const headers = Object.fromEntries(response.headers)
      const body = parsedBody(text, headers["content-type"])
      return { kind: "answer", value: { status: response.status, headers, body, duration_ms } }
    } catch (error) {
      if (deadline.expired()) return { kind: "silent", reason: `no answer within ${timeout_ms} ms` }
      if (signal.aborted) return { kind: "blind", reason: "the probe was stopped" }
      return connectionFailure(error)
    }
  })
}

// internal

function prepare(lab: Lab, request: HttpRequest, values: Record<string, string>): BunFetchRequestInit {
  const json = typeof request.body === "object"
  const body = typeof request.body === "object" ? JSON.stringify(request.body) : request.body
  const headers = new Headers(json ? { "content-type": "application/json" } : {})
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, lab.render(value, values))
  return {
    method: request.method,
    headers,
    redirect: "manual",
    keepalive: false,
    // The node itself is asked, whatever proxy the environment names for the rest of the world.
    proxy: false,
    ...(body === undefined ? {} : { body: lab.render(body, values) }),
  }
}

/** The body as text; undefined when it is too long, without reading the rest of it. */
async function boundedText(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let size_bytes = 0
  for await (const chunk of response.body ?? []) {
    size_bytes += chunk.length
    if (size_bytes > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString("utf8")
}
