import { messageOf, UsageError } from "../lib/errors.ts"
import { StoreUnreachable } from "./store.ts"

/** No request of this service needs more than a few hundred bytes. */
const MAX_BODY_BYTES = 16 * 1024

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers })
}

/** The service's one form of an error. */
export function problem(status: number, error: string, headers: Record<string, string> = {}): Response {
  return json(status, { error }, headers)
}

/** The answer that stands for what a handler threw, or undefined for what nobody planned. */
export function problemOf(error: unknown): Response | undefined {
  if (error instanceof BodyTooLarge) return problem(413, error.message, { connection: "close" })
  if (error instanceof UsageError) return problem(400, error.message)
  if (error instanceof StoreUnreachable) return problem(503, "store unreachable")
  return undefined
}

/** The request's body, read no further than MAX_BODY_BYTES. Throws UsageError when it is not JSON. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`the body is not JSON: ${messageOf(cause)}`, { cause })
  }
}

// internal

class BodyTooLarge extends UsageError {
  constructor() {
    super(`the body is larger than ${MAX_BODY_BYTES} bytes`)
  }
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get("content-length")) > MAX_BODY_BYTES) throw new BodyTooLarge()
  const parts: Uint8Array[] = []
  let size_bytes = 0
  try {
    for await (const part of request.body ?? []) {
      parts.push(part)
      size_bytes += part.byteLength
      if (size_bytes > MAX_BODY_BYTES) break
    }
  } catch (cause) {
    throw new UsageError("the body broke off", { cause })
  }
  if (size_bytes > MAX_BODY_BYTES) throw new BodyTooLarge()
  return Buffer.concat(parts).toString("utf8")
}
