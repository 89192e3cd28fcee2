import { connect, type Socket } from "node:net"
import { EnvironmentError, messageOf } from "../../../lib/errors.ts"

/** What the engine said to a question of the scope's own. */
export interface EngineAnswer {
  status: number
  json: unknown
}

export type AskEngine = (path: string) => Promise<EngineAnswer>

/**
 * Asks the engine behind a Unix socket one GET. HTTP/1.0 on a connection of its own, so that the answer is neither chunked nor
 * followed by anything. Throws EnvironmentError when the engine does not answer.
 */
export function engineAt(socket_path: string): AskEngine {
  return (path) =>
    new Promise((resolve, reject) => {
      const socket = connectEngine(socket_path)
      const chunks: Buffer[] = []
      let size_bytes = 0
      const fail = (why: string) => {
        socket.destroy()
        reject(new EnvironmentError(`the Docker engine does not answer: ${why}`, { hint: "is it running?" }))
      }
      const timer = setTimeout(() => fail(`nothing within ${ANSWER_MS} ms`), ANSWER_MS)
      socket.on("data", (chunk: Buffer) => {
        size_bytes += chunk.length
        if (size_bytes > ANSWER_MAX_BYTES) return fail("the answer is too long")
        chunks.push(chunk)
      })
      socket.on("error", (error) => fail(messageOf(error)))
      socket.on("end", () => socket.destroy())
      socket.on("close", () => {
        clearTimeout(timer)
        const answer = read(Buffer.concat(chunks))
        if (answer) resolve(answer)
        else fail("the connection broke")
      })
      socket.write(engineQuestion(path))
    })
}

/** A connection to the engine. Each side ends its half by itself. */
export function connectEngine(socket_path: string): Socket {
  return connect({ path: socket_path, allowHalfOpen: true })
}

/** A GET whose answer ends with the connection. */
export function engineQuestion(path: string): string {
  return `GET ${path} HTTP/1.0\r\nHost: docker\r\n\r\n`
}

/** The status in an answer's first line; undefined for what is not an answer. */
export function statusOf(line: string): number | undefined {
  const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(line)?.[1]
  return status === undefined ? undefined : Number(status)
}

// internal

/** Longer than the engine takes to list a hundred containers on a machine under load. */
const ANSWER_MS = 30_000

/** A list of a thousand containers is about 2 MB. */
const ANSWER_MAX_BYTES = 16 * 1024 * 1024

function read(bytes: Buffer): EngineAnswer | undefined {
  const end = bytes.indexOf("\r\n\r\n")
  const status = statusOf(bytes.subarray(0, 64).toString("latin1"))
  if (end === -1 || status === undefined) return undefined
  const body = bytes.subarray(end + 4).toString("utf8")
  try {
    return { status, json: body.trim() === "" ? undefined : JSON.parse(body) }
  } catch {
    return undefined
  }
}
