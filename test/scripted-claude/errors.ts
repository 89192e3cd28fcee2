import type { Failure } from "./script.ts"

/** The body of an error as the API words it. */
export function errorBody(
  status: number,
  request_id: string,
  message = `scripted error ${status}`,
  type = TYPES[status],
) {
  return {
    type: "error",
    error: { type: type ?? (status < 500 ? "invalid_request_error" : "api_error"), message },
    request_id,
  }
}

/** A scripted failure's text and its content type. */
export function failureText({ status, body, html }: Failure, request_id: string): { type: string; text: string } {
  if (html !== undefined) return { type: "text/html; charset=utf-8", text: html }
  if (typeof body === "string") return { type: "application/json", text: body }
  return { type: "application/json", text: JSON.stringify(body ?? errorBody(status, request_id, MESSAGES[status])) }
}

// internal

const TYPES: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
}

const MESSAGES: Record<number, string> = {
  401: "invalid x-api-key",
  413: "Request exceeds the maximum size",
  429: "This request would exceed your rate limit",
  500: "Internal server error",
  529: "Overloaded",
}
