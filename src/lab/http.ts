import type { Lab } from "./lab.ts"
import type { HttpRequest } from "./subject.ts"

/** An answer that is longer counts as none: a lab must not fill the memory of who asks it. */
const MAX_BODY_BYTES = 1024 * 1024

export interface HttpAnswer {
  status: number
  headers: Record<string, string>
  /** As `parsedBody` gives it. */
  body: unknown
}

/** A request that a subject declares, with its placeholders filled in. `keepalive`: connections serve later requests, too. */
export function prepare(
  lab: Lab,
  request: HttpRequest,
  values: Record<string, string>,
  { keepalive }: { keepalive: boolean },
): BunFetchRequestInit {
  const { body: declared } = request
  const isJson = typeof declared === "object"
  const body = isJson ? JSON.stringify(declared) : declared
  const headers = new Headers(isJson ? { "content-type": "application/json" } : {})
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, lab.render(value, values))
  return {
    method: request.method,
    headers,
    ...(body === undefined ? {} : { body: lab.render(body, values) }),
    redirect: "manual",
    keepalive,
    // The node itself is asked, whatever proxy the environment names for the rest of the world.
    proxy: false,
  }
}

/**
 * Sends what `prepare` made, and reads the whole answer. A redirection is an answer. Rejects with what the network or the signal
 * says, and when the answer is too long.
 */
export async function send(url: string, prepared: BunFetchRequestInit, signal: AbortSignal): Promise<HttpAnswer> {
  const response = await fetch(url, { ...prepared, signal })
  const text = await boundedText(response)
  const headers = Object.fromEntries(response.headers)
  return { status: response.status, headers, body: parsedBody(text, headers["content-type"]) }
}

/** JSON when it is said to be, or looks like, an object or an array; else the text as it is. */
export function parsedBody(text: string, contentType = ""): unknown {
  if (!contentType.includes("json") && !/^\s*[[{]/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return text
    throw error
  }
}

// internal

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
