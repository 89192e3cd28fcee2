import type { Clock } from "../lib/clock.ts"
import { codeOf, messageOf } from "../lib/errors.ts"
import type { Lab } from "./lab.ts"
import type { HttpRequest } from "./subject.ts"

/** An answer that is longer counts as none: a lab must not fill the memory of who asks it. */
export const MAX_BODY_BYTES = 1024 * 1024

export type HttpAnswer =
  | {
      kind: "answer"
      status: number
      headers: Record<string, string>
      /** Parsed, where it is JSON; else the text. */
      body: unknown
      duration_ms: number
    }
  /** `sent` is false when nothing was there to send it to, or no time. */
  | { kind: "none"; sent: boolean; reason: string; duration_ms: number }

export interface AskOptions {
  clock: Clock
  timeout_ms: number
  /** The moment from which the time-out and the duration count; now, when left out. */
  since_ms?: number
  /** For the placeholders of the request, beside the lab's own. */
  values?: Record<string, string>
}

/**
 * Sends one request that a subject declares, to where its service is at this moment. Never rejects for what the network
 * or the node does. A redirection is an answer. Connections are kept for later requests to the same address.
 */
export async function ask(lab: Lab, request: HttpRequest, options: AskOptions): Promise<HttpAnswer> {
  const { clock, values = {}, since_ms = clock.mono_ms() } = options
  const url = lab.resolve(lab.render(request.url, values))
  const init = rendered(lab, request, values)
  const left_ms = since_ms + options.timeout_ms - clock.mono_ms()
  const none = (sent: boolean, reason: string): HttpAnswer => {
    return { kind: "none", sent, reason, duration_ms: clock.mono_ms() - since_ms }
  }
  if (url === undefined) return none(false, "no node is running")
  if (left_ms <= 0) return none(false, "too late to be sent")

  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), left_ms)
  try {
    const response = await fetch(url, { ...init, signal: abort.signal })
    const text = await boundedText(response)
    const duration_ms = clock.mono_ms() - since_ms
    const headers = Object.fromEntries(response.headers)
    const body = parsedBody(text, headers["content-type"] ?? "")
    return { kind: "answer", status: response.status, headers, body, duration_ms }
  } catch (error) {
    if (abort.signal.aborted) return none(true, `no answer within ${options.timeout_ms} ms`)
    return none(true, codeOf(error) ?? messageOf(error))
  } finally {
    clearTimeout(timer)
  }
}

// internal

/** The request with its placeholders filled in. */
function rendered(lab: Lab, request: HttpRequest, values: Record<string, string>): BunFetchRequestInit {
  const body = typeof request.body === "object" ? JSON.stringify(request.body) : request.body
  const headers = new Headers(typeof request.body === "object" ? { "content-type": "application/json" } : {})
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, lab.render(value, values))
  return {
    method: request.method,
    headers,
    ...(body === undefined ? {} : { body: lab.render(body, values) }),
    redirect: "manual",
    keepalive: true,
    // The node itself is asked, whatever proxy the environment names for the rest of the world.
    proxy: false,
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size_bytes = 0
  for await (const chunk of response.body ?? []) {
    size_bytes += chunk.length
    if (size_bytes > MAX_BODY_BYTES) throw new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString("utf8")
}

/** JSON when it is said to be, or looks like, an object or an array; else the text as it is. */
function parsedBody(text: string, contentType: string): unknown {
  if (!contentType.includes("json") && !/^\s*[[{]/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return text
    throw error
  }
}
