/** The head of one request, as strictly read as it was written. Header values that decide about framing appear once or not at all. */
export interface Head {
  method: Method
  target: string
  /** The length that was announced; undefined without a body or with a chunked one. */
  length_bytes: number | undefined
  chunked: boolean
  /** The protocol that the client wants to change to, in lower case. */
  upgrade: string | undefined
  /** The media type without its parameters, in lower case. */
  content_type: string | undefined
}

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE"

export type Parsed<Value> = { kind: "parsed"; value: Value } | { kind: "malformed"; reason: string }

/** What ends a head. */
export const HEAD_END = "\r\n\r\n"

/**
 * Reads a head, without its last empty line. Whatever two parsers could read differently is malformed: folded lines, spaces before
 * a colon, bare line feeds, two lengths, a length beside chunks. So the engine cannot see another request than the one judged.
 */
export function parseHead(text: string): Parsed<Head> {
  const [first = "", ...lines] = text.split("\r\n")
  const request = REQUEST_LINE.exec(first)
  if (!request) return malformed("the request line is not one of HTTP/1.1 with a method and a path")
  const headers = new Map<string, string>()
  for (const line of lines) {
    const header = HEADER_LINE.exec(line)
    if (!header) return malformed("a header line is malformed")
    const name = header[1]!.toLowerCase()
    if (headers.has(name) && SINGLE.has(name)) return malformed(`the header ${name} appears twice`)
    headers.set(name, header[2]!)
  }
  const encoding = headers.get("transfer-encoding")?.toLowerCase()
  const length = headers.get("content-length")
  if (encoding !== undefined && encoding !== "chunked") return malformed("the only transfer encoding is chunked")
  if (length !== undefined && !LENGTH.test(length)) return malformed("Content-Length is not a number")
  if (encoding !== undefined && length !== undefined) return malformed("Content-Length stands beside chunks")
  if (headers.has("trailer")) return malformed("trailers are not accepted")
  return {
    kind: "parsed",
    value: {
      method: request[1] as Method,
      target: request[2]!,
      length_bytes: length === undefined ? undefined : Number(length),
      chunked: encoding !== undefined,
      upgrade: headers.get("upgrade")?.toLowerCase(),
      content_type: headers.get("content-type")?.split(";")[0]!.trim().toLowerCase(),
    },
  }
}

// internal

const REQUEST_LINE = /^(GET|HEAD|POST|PUT|DELETE) (\/[\x21-\x7e]*) HTTP\/1\.1$/
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*?)[ \t]*$/
const LENGTH = /^(0|[1-9]\d{0,14})$/
const SINGLE = new Set([
  "connection",
  "content-length",
  "content-type",
  "expect",
  "host",
  "transfer-encoding",
  "upgrade",
])

const malformed = (reason: string) => ({ kind: "malformed" as const, reason })
