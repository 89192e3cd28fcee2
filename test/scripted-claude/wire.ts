import { createServer, type Socket } from "node:net"

/** HTTP/1.1 by hand, so that a connection breaks exactly where a script says, and a byte can be a packet. */
export interface WireRequest {
  method: string
  path: string
  headers: Record<string, string>
  body: Buffer
}

export interface Reply {
  /** The whole answer in one write. */
  send(status: number, headers: Record<string, string>, body: string): void
  /** The whole answer in one write, its body as one chunk. */
  sendChunked(headers: Record<string, string>, body: string): void
  /** The head of an answer whose body comes in chunks. */
  begin(headers: Record<string, string>): void
  write(chunk: string): void
  /** One byte as a chunk of its own. */
  writeByte(byte: number): void
  end(): void
  /** Part of an answer of a known length, as far as it is given. */
  sendPart(headers: Record<string, string>, length: number, part: string): void
  destroy(): void
  /** Waits; false, at once, when the client goes away or the server closes. */
  nap(ms: number): Promise<boolean>
  /** Lets what was written leave on its own. False when nobody is there. */
  breathe(): Promise<boolean>
}

export async function listen(port: number, handle: (request: WireRequest, reply: Reply) => Promise<void>) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on("error", () => socket.destroy())
    socket.on("close", () => sockets.delete(socket))
    readRequests(socket, handle)
  })
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject)
    server.listen(port, "127.0.0.1", resolve)
  })
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port: (server.address() as { port: number }).port, close }
}

// internal

/** The API's own bound for a request. */
const BODY_MAX_BYTES = 32 * 1024 * 1024
const HEAD_MAX_BYTES = 64 * 1024
const REASONS: Record<number, string> = { 200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found" }

/** One request after another from one connection; the next is read once its predecessor is answered. */
function readRequests(socket: Socket, handle: (request: WireRequest, reply: Reply) => Promise<void>): void {
  let chunks: Buffer[] = []
  let [size, needed, busy, continued] = [0, 0, false, false]

  const refuse = (status: number, type: string, message: string) => {
    busy = true
    replyOn(socket).send(
      status,
      { "content-type": "application/json" },
      JSON.stringify({ type: "error", error: { type, message } }),
    )
    socket.end()
  }
  const take = () => {
    const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    chunks = [bytes]
    const headEnd = bytes.indexOf("\r\n\r\n")
    if (headEnd < 0)
      return size > HEAD_MAX_BYTES ? refuse(400, "invalid_request_error", "the head is too long") : undefined
    const head = readHead(bytes.toString("latin1", 0, headEnd))
    if ("transfer-encoding" in head.headers) return refuse(411, "invalid_request_error", "a content-length is needed")
    const length = Number(head.headers["content-length"] ?? 0)
    if (length > BODY_MAX_BYTES) return refuse(413, "request_too_large", "Request exceeds the maximum size")
    const end = headEnd + 4 + length
    if (size < end) {
      needed = end
      if (!continued && head.headers.expect === "100-continue") socket.write("HTTP/1.1 100 Continue\r\n\r\n")
      continued = true
      return
    }
    const rest = bytes.subarray(end)
    chunks = rest.length > 0 ? [rest] : []
    ;[size, needed, busy, continued] = [rest.length, 0, true, false]
    void handle({ ...head, body: bytes.subarray(headEnd + 4, end) }, replyOn(socket)).then(() => {
      busy = false
      if (size > 0) take()
    })
  }
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    if (!busy && size >= needed) take()
  })
}

function readHead(text: string): Omit<WireRequest, "body"> {
  const [first = "", ...lines] = text.split("\r\n")
  const [method = "", target = ""] = first.split(" ")
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(":")
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return { method, path: target.split("?")[0]!, headers }
}

function replyOn(socket: Socket): Reply {
  const wait = (start: (done: () => void) => () => void): Promise<boolean> => {
    if (socket.destroyed) return Promise.resolve(false)
    return new Promise((resolve) => {
      const gone = () => finish(false)
      const cancel = start(() => finish(true))
      const finish = (here: boolean) => {
        cancel()
        socket.off("close", gone)
        resolve(here && !socket.destroyed)
      }
      socket.on("close", gone)
    })
  }
  const nap = (ms: number) =>
    wait((done) => {
      const timer = setTimeout(done, ms)
      return () => clearTimeout(timer)
    })
  const breathe = () =>
    wait((done) => {
      const turn = setImmediate(done)
      return () => clearImmediate(turn)
    })
  return {
    send: (status, headers, body) =>
      void socket.write(headText(status, { ...headers, "content-length": String(Buffer.byteLength(body)) }) + body),
    sendChunked: (headers, body) =>
      void socket.write(headText(200, { ...headers, ...CHUNKED }) + framed(body) + LAST_CHUNK),
    begin: (headers) => void socket.write(headText(200, { ...headers, ...CHUNKED })),
    write: (chunk) => void socket.write(framed(chunk)),
    writeByte: (byte) => void socket.write(Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a])),
    end: () => void socket.write(LAST_CHUNK),
    sendPart: (headers, length, part) =>
      void socket.write(headText(200, { ...headers, "content-length": String(length) }) + part),
    destroy: () => void socket.destroy(),
    nap,
    breathe,
  }
}

const CHUNKED = { "transfer-encoding": "chunked" }
const LAST_CHUNK = "0\r\n\r\n"

function headText(status: number, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}\r\n${lines.join("")}connection: keep-alive\r\n\r\n`
}

function framed(chunk: string): string {
  return chunk === "" ? "" : `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`
}
