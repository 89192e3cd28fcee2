/** An answer of the scope's own, whole, with the connection's end after it. */
export function answer(status: number, json: unknown): string {
  const body = json === undefined ? "" : `${JSON.stringify(json)}\n`
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ]
  return `${head.join("\r\n")}\r\n\r\n${body}`
}

/** A refusal in the form in which the engine has its own, so that clients show the reason. */
export function refusal(status: number, reason: string, to_head: boolean): string {
  const whole = answer(status, { message: reason })
  return to_head ? whole.slice(0, whole.indexOf("\r\n\r\n") + 4) : whole
}

// internal

const REASONS: Record<number, string> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  411: "Length Required",
  413: "Payload Too Large",
  415: "Unsupported Media Type",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
}
