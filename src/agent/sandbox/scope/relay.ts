import type { Socket } from "node:net"
import { messageOf } from "../../../lib/errors.ts"
import { refusal } from "./answer.ts"
import type { Client } from "./client.ts"
import { connectEngine, engineQuestion, statusOf } from "./engine.ts"
import type { Head, Method } from "./head.ts"

/** A request as the engine will get it. */
export interface Outgoing {
  method: Method
  /** With version and query. */
  path: string
  /** JSON that was built anew; an archive that comes as the client sends it; nothing; or a stream in both directions. */
  body:
    | { kind: "none" }
    | { kind: "json"; text: string }
    | { kind: "tar"; head: Head }
    | { kind: "upgrade"; text: string | undefined }
}

/**
 * Sends one request to the engine and its answer back as it comes, as fast as the slower side reads. The engine is told to close
 * afterwards, so nothing that a client sends can become a second request.
 */
export function relay(client: Client, engine_path: string, outgoing: Outgoing): void {
  const upstream = connectEngine(engine_path)
  const { socket } = client
  const upgrading = outgoing.body.kind === "upgrade"
  let answered = ""
  let flowing = false

  /** Client bytes go on only once the engine has agreed to change the protocol. */
  const sniff = (chunk: Buffer) => {
    if (!upgrading || flowing) return
    answered = (answered + chunk.subarray(0, 64).toString("latin1")).slice(0, 64)
    if (answered.length < STATUS_LINE_LENGTH) return
    flowing = true
    if (statusOf(answered) === 101)
      client.flow(
        (bytes) => pour(bytes, upstream, socket),
        () => upstream.end(),
      )
    else client.discard(() => socket.destroy())
  }
  upstream.on("data", (chunk: Buffer) => {
    pour(chunk, socket, upstream)
    sniff(chunk)
  })
  bindEnds(client, upstream)
  upstream.write(written(outgoing))
  if (outgoing.body.kind === "tar") sendArchive(client, upstream, outgoing.body.head)
  else if (!upgrading) client.discard(() => socket.destroy())
}

/** Like relay, for an answer of one JSON object a line; lines that `keep` does not want are left out. */
export function relayLines(client: Client, engine_path: string, path: string, keep: (line: unknown) => boolean): void {
  const upstream = connectEngine(engine_path)
  const { socket } = client
  const decoder = new TextDecoder()
  let text = ""
  let begun = false

  upstream.on("data", (chunk: Buffer) => {
    text += decoder.decode(chunk, { stream: true })
    const parts: string[] = []
    if (!begun) {
      const end = text.indexOf("\r\n\r\n")
      if (end === -1) return
      begun = true
      const status = text.slice(0, text.indexOf("\r\n")).replace("HTTP/1.0", "HTTP/1.1")
      parts.push(`${status}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n`)
      // Other answers than a stream are the engine's words about the question.
      if (statusOf(status) !== 200) keep = () => true
      text = text.slice(end + 4)
    }
    const lines = text.split("\n")
    text = lines.pop()!
    if (text.length > LINE_MAX_LENGTH) return socket.destroy()
    for (const line of lines) if (wanted(line, keep)) parts.push(`${line}\n`)
    if (parts.length > 0) pour(Buffer.from(parts.join("")), socket, upstream)
  })
  bindEnds(client, upstream)
  upstream.write(engineQuestion(path))
  client.discard(() => socket.destroy())
}

// internal

/** "HTTP/1.1 101", which is all that must be seen. */
const STATUS_LINE_LENGTH = 12

/** An event has a container's labels, and those are a few kilobytes. */
const LINE_MAX_LENGTH = 1024 * 1024

/** Writes, and holds the source back until the target has taken it. */
function pour(bytes: Buffer, target: Socket, source: Socket): void {
  if (target.destroyed || bytes.length === 0) return
  if (target.write(bytes)) return
  source.pause()
  target.once("drain", () => source.resume())
}

/** When the engine is done, the client is; when the client has gone, the engine is told. */
function bindEnds(client: Client, upstream: Socket): void {
  const { socket } = client
  const done = () => {
    upstream.destroy()
    client.finish()
  }
  upstream.on("end", done)
  upstream.on("close", done)
  upstream.on("error", (error) => {
    if (socket.bytesWritten === 0)
      client.finish(refusal(502, `the Docker engine does not answer: ${messageOf(error)}`, false))
  })
  socket.on("close", () => upstream.destroy())
}

function written({ method, path, body }: Outgoing): string {
  const lines = [`${method} ${path} HTTP/1.1`, "Host: docker"]
  const text = body.kind === "json" || body.kind === "upgrade" ? body.text : undefined
  // "close" beside "Upgrade": an engine that declines closes as well, and waits for no second request.
  lines.push(body.kind === "upgrade" ? "Connection: Upgrade, close\r\nUpgrade: tcp" : "Connection: close")
  if (text !== undefined) lines.push("Content-Type: application/json")
  if (body.kind === "tar") {
    lines.push("Content-Type: application/x-tar")
    lines.push(body.head.chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.head.length_bytes ?? 0}`)
  } else if (method !== "GET" && method !== "HEAD") {
    lines.push(`Content-Length: ${Buffer.byteLength(text ?? "")}`)
  }
  return `${lines.join("\r\n")}\r\n\r\n${text ?? ""}`
}

/** Exactly as many bytes as were announced; chunks as they come, since the engine reads nothing after the last one. */
function sendArchive(client: Client, upstream: Socket, { chunked, length_bytes = 0 }: Head): void {
  let left_bytes = chunked ? Number.POSITIVE_INFINITY : length_bytes
  client.flow(
    (chunk) => {
      const sent = chunk.length <= left_bytes ? chunk : chunk.subarray(0, left_bytes)
      left_bytes -= sent.length
      pour(sent, upstream, client.socket)
    },
    () => client.socket.destroy(),
  )
}

function wanted(line: string, keep: (line: unknown) => boolean): boolean {
  if (line.trim() === "") return false
  try {
    return keep(JSON.parse(line))
  } catch {
    return false
  }
}
