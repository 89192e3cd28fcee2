import type { MessagesRequest, ScriptedRequest } from "./script.ts"
import type { WireRequest } from "./wire.ts"

/** A request as it is recorded. Its text and its JSON are made when somebody looks. */
export function recorded(
  { method, path, headers, body: raw }: WireRequest,
  request_id: string,
  at: number,
): ScriptedRequest {
  let parsed: MessagesRequest | undefined
  return {
    method,
    path,
    headers,
    at,
    request_id,
    conversation: null,
    index: 0,
    get text() {
      return raw.toString()
    },
    get body() {
      parsed ??= JSON.parse(raw.toString()) as MessagesRequest
      return parsed
    },
  }
}
