import { describe, expect, test } from "bun:test"
import { parseHead } from "./head.ts"

const head = (...lines: string[]) => parseHead(lines.join("\r\n"))
const reason = (...lines: string[]) => {
  const parsed = head(...lines)
  return parsed.kind === "malformed" ? parsed.reason : `read as ${JSON.stringify(parsed.value)}`
}

describe("a head", () => {
  test("says method, target, framing, upgrade and type", () => {
    const lines = [
      "Host: d",
      "Content-Length: 12",
      "Content-Type: Application/JSON; charset=utf-8",
      "upgrade:TCP",
      "X:",
    ]
    expect(head("POST /exec/x/start?a=1 HTTP/1.1", ...lines)).toEqual({
      kind: "parsed",
      value: {
        method: "POST",
        target: "/exec/x/start?a=1",
        length_bytes: 12,
        chunked: false,
        upgrade: "tcp",
        content_type: "application/json",
      },
    })
    expect(head("PUT /a HTTP/1.1", "Transfer-Encoding: Chunked")).toMatchObject({ value: { chunked: true } })
  })

  test.each([
    ["GET /a HTTP/1.0"],
    ["GET /a HTTP/2"],
    ["GET  /a HTTP/1.1"],
    ["GET /a b HTTP/1.1"],
    ["get /a HTTP/1.1"],
    ["PATCH /a HTTP/1.1"],
    ["CONNECT a:1 HTTP/1.1"],
    ["GET http://d/a HTTP/1.1"],
    ["GET /\xe4 HTTP/1.1"],
    ["GET /a HTTP/1.1 "],
    [""],
  ])("with the request line %j is malformed", (line) => {
    expect(reason(line, "Host: d")).toStartWith("the request line")
  })

  test.each([
    ["folded", ["X: a", " b"]],
    ["a space before the colon", ["Content-Length : 1"]],
    ["no colon", ["X"]],
    ["no name", [": x"]],
    ["a bare line feed", ["X: a\nContent-Length: 1"]],
    ["a bare carriage return", ["X: a\rContent-Length: 1"]],
    ["a zero byte", ["X: \0"]],
    ["a letter beyond ASCII", ["X: \xe4"]],
  ])("with %s in its headers is malformed", (_what, lines) => {
    expect(reason("GET /a HTTP/1.1", ...lines)).toBe("a header line is malformed")
  })

  test.each([
    [["Content-Length: 1", "content-length: 1"], "appears twice"],
    [["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], "appears twice"],
    [["Content-Type: a/b", "Content-Type: c/d"], "appears twice"],
    [["Content-Length: 1", "Transfer-Encoding: chunked"], "stands beside chunks"],
    [["Content-Length: +1"], "is not a number"],
    [["Content-Length: 0x1"], "is not a number"],
    [["Content-Length: 01"], "is not a number"],
    [["Content-Length: 1, 1"], "is not a number"],
    [["Content-Length: "], "is not a number"],
    [["Content-Length: 9999999999999999"], "is not a number"],
    [["Transfer-Encoding: gzip, chunked"], "transfer encoding"],
    [["Transfer-Encoding: identity"], "transfer encoding"],
    [["Trailer: X"], "trailers"],
  ])("with %j is malformed", (lines, why) => {
    expect(reason("POST /a HTTP/1.1", ...lines)).toContain(why)
  })
})
