import { codeOf, messageOf } from "../../lib/errors.ts"
import type { ProbeResult } from "./answer.ts"

/**
 * What a failed connection says. A code of this machine's own (no name, no route, no socket left) or none at all tells
 * nothing about the node; with any other code it was the node that did not answer, or answered no HTTP.
 */
export function connectionFailure(error: unknown): ProbeResult {
  const code = codeOf(error)
  if (code === undefined || OURS.has(code)) return { kind: "blind", reason: messageOf(error) }
  return { kind: "silent", reason: KNOWN[code] ?? messageOf(error) }
}

// internal

const OURS = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "ERR_INVALID_URL",
  "EADDRNOTAVAIL",
  "ENETDOWN",
  "ENETUNREACH",
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EACCES",
  "EPERM",
])

const KNOWN: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection closed before the answer was complete",
  EPIPE: "connection closed before the answer was complete",
  EHOSTUNREACH: "host unreachable",
  ETIMEDOUT: "connection timed out",
  Malformed_HTTP_Response: "answered something that is not HTTP",
  InvalidHTTPResponse: "answered something that is not HTTP",
}
