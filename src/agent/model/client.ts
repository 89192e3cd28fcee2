import type Anthropic from "@anthropic-ai/sdk"
import { EnvironmentError } from "../../lib/errors.ts"

/** What is needed to reach the Messages API. The client is the SDK's, with nothing left to its defaults that would matter here. */
export interface Connection {
  client(): Anthropic
  /** Sends the key as a gateway wants it that does not know the API's own way. False when there is no other way to try. */
  tryOtherHeader(): boolean
}

/** How long the API may take for its headers. A session's own limits are shorter, and end a request by its signal. */
const HEADERS_TIMEOUT_MS = 3_600_000

/** The key in the environment, or an EnvironmentError that says what to do. */
export function requireKey(env: Record<string, string | undefined> = process.env): string {
  const key = env.ANTHROPIC_API_KEY?.trim() || env.ANTHROPIC_AUTH_TOKEN?.trim()
  if (key !== undefined && key !== "" && !IN_A_HEADER.test(key)) {
    throw new EnvironmentError(
      "ANTHROPIC_API_KEY holds what no key holds: a line break, a quotation mark or a letter with an accent",
      {
        hint: "paste it again: export ANTHROPIC_API_KEY=…",
      },
    )
  }
  if (key) return key
  throw new EnvironmentError("Claude needs a key, and ANTHROPIC_API_KEY is not set", {
    hint: "export ANTHROPIC_API_KEY=…; a gateway is named by ANTHROPIC_BASE_URL, and the controls need neither",
  })
}

/**
 * Connects with the key and the address of the environment; nothing is sent yet. `heard` is told of every piece of an answer's
 * body, pings included. The key goes as a bearer token, as the API wants it since 2026-10-21; gateways may want `x-api-key`.
 */
export async function connect(heard: () => void, env = process.env): Promise<Connection> {
  const key = requireKey(env)
  const gateway = env.ANTHROPIC_BASE_URL?.trim()
  const { default: Sdk } = await import("@anthropic-ai/sdk")
  const options = {
    baseURL: gateway || "https://api.anthropic.com",
    apiKey: key,
    // Each attempt is counted and written down, so they are all made here.
    maxRetries: 0,
    timeout: HEADERS_TIMEOUT_MS,
    // Bun ends a silent connection after five minutes unless told otherwise.
    fetchOptions: { timeout: false } as object,
    fetch: listening(heard),
    // Its logger writes to stdout, which is for data.
    logLevel: "off" as const,
  }
  let client = new Sdk(options)
  let other = gateway ? { ...options, defaultHeaders: { "X-Api-Key": key, Authorization: null } } : undefined
  return {
    client: () => client,
    tryOtherHeader: () => {
      if (!other) return false
      client = new Sdk(other)
      other = undefined
      return true
    },
  }
}

// internal

/** What may stand in the value of a header (RFC 9110, section 5.5), less blanks. */
const IN_A_HEADER = /^[\x21-\x7e]+$/

/** What a proxy answers in the place of the API: a page to sign in at, for instance. */
const NO_STREAM = /html|json/

function listening(heard: () => void): (url: string | URL | Request, init?: RequestInit) => Promise<Response> {
  return async (url, init) => {
    const response = await fetch(url, init)
    heard()
    if (!response.body) return response
    const type = response.headers.get("content-type") ?? ""
    if (response.ok && NO_STREAM.test(type)) {
      await response.body.cancel()
      throw new Error(`${response.status} with ${type}, which is no stream of events`)
    }
    const { status, statusText, headers } = response
    return new Response(told(response.body, heard), { status, statusText, headers })
  }
}

/** The same bytes; each piece is told of when it is read. What came before a break is read before the break: a pipe would lose it. */
function told(body: ReadableStream<Uint8Array>, heard: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const { done, value } = await reader.read()
    heard()
    if (done) controller.close()
    else controller.enqueue(value)
  }
  return new ReadableStream({ pull, cancel: (reason) => reader.cancel(reason) }, { highWaterMark: 0 })
}
