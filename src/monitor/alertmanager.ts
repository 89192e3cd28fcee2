import { createHash, timingSafeEqual } from "node:crypto"
import { codeOf, EnvironmentError, messageOf } from "../lib/errors.ts"
import { type Inbox, TooManyAlerts } from "./alertmanager-inbox.ts"
import { webhookMessage } from "./alertmanager-message.ts"

/** A message of a thousand alerts is smaller. */
const MAX_BODY_BYTES = 1024 * 1024

export interface AlertmanagerServer {
  /** What to write into Alertmanager's `webhook_configs`. */
  url: string
  stop(): Promise<void>
}

/**
 * Takes Alertmanager's webhooks on this machine's loopback, from whoever knows the secret (`Authorization: Bearer`). 200: heard;
 * 400: not understood, which Alertmanager does not send again; 401, 405, 413; 429 and 503: it may come again later.
 */
export function serveAlertmanager(
  inbox: Inbox,
  { port, secret }: { port: number; secret: string },
): AlertmanagerServer {
  const expected = digest(`Bearer ${secret}`)
  const isKnown = (request: Request) => timingSafeEqual(digest(request.headers.get("authorization") ?? ""), expected)
  const listen = () =>
    Bun.serve({
      hostname: "127.0.0.1",
      port,
      reusePort: false,
      development: false,
      maxRequestBodySize: MAX_BODY_BYTES,
      fetch: async (request) => {
        if (!isKnown(request)) return said(401, "who is this?", { "www-authenticate": "Bearer" })
        if (request.method !== "POST") return said(405, "a webhook is posted", { allow: "POST" })
        return take(inbox, request)
      },
    })
  const server = listening(listen, port)
  return { url: `http://127.0.0.1:${server.port}/`, stop: () => server.stop(true) }
}

// internal

async function take(inbox: Inbox, request: Request): Promise<Response> {
  const body = await bodyOf(request)
  if (body === undefined) return said(400, "the body is no JSON")
  const message = webhookMessage.safeParse(body)
  if (!message.success) {
    const [issue] = message.error.issues
    return said(400, `no webhook of version 4: ${issue?.path.join(".")}: ${issue?.message}`)
  }
  try {
    for (const alert of message.data.alerts) inbox.hear(alert)
    return said(200, "heard")
  } catch (error) {
    return said(error instanceof TooManyAlerts ? 429 : 503, messageOf(error))
  }
}

async function bodyOf(request: Request): Promise<unknown> {
  try {
    return await request.json()
  } catch {
    // Cut off, too long or no JSON: whatever it was, it cannot be understood.
    return undefined
  }
}

function said(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, { status, headers })
}

/** Of equal length whatever was sent, so that comparing takes the same time. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest()
}

function listening<T>(listen: () => T, port: number): T {
  try {
    return listen()
  } catch (error) {
    const taken = codeOf(error) === "EADDRINUSE"
    throw new EnvironmentError(`cannot listen at 127.0.0.1:${port}: ${taken ? "it is in use" : messageOf(error)}`, {
      hint: "name another port, or 0 for any that is free",
      cause: error,
    })
  }
}
