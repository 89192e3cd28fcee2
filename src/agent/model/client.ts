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
  const baseURL = env.ANTHROPIC_BASE_URL?.trim() || undefined
  const { default: Sdk } = await import("@anthropic-ai/sdk")
  const options = {
    ...(baseURL !== undefined && { baseURL }),
    authToken: null,
    // Each attempt is counted and written down, so they are all made here.
    maxRetries: 0,
    timeout: HEADERS_TIMEOUT_MS,
    // Bun ends a silent connection after five minutes unless told otherwise.
    fetchOptions: { timeout: false } as object,
    fetch: listening(heard),
    // Its logger writes to stdout, which is for data.
    logLevel: "off" as const,
  }
  const bearer = () => new Sdk({ ...options, apiKey: key })
  const header = () => new Sdk({ ...options, apiKey: null, defaultHeaders: { "X-Api-Key": key, Authorization: null } })
  let client = bearer()
  let others = baseURL === undefined ? [] : [header]
  return {
    client: () => client,
    tryOtherHeader: () => {
      const [other] = others
      others = []
      if (other) client = other()
      return other !== undefined
    },
  }
}

// internal

function listening(heard: () => void): (url: string | URL | Request, init?: RequestInit) => Promise<Response> {
  return async (url, init) => {
    const response = await fetch(url, init)
    heard()
    if (!response.body) return response
    const told = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        heard()
        controller.enqueue(chunk)
      },
    })
    const { status, statusText, headers } = response
    return new Response(response.body.pipeThrough(told), { status, statusText, headers })
  }
}
