import { createConnection, type Socket } from "node:net"
import { messageOf, UsageError } from "../../../lib/errors.ts"
import type { Engine } from "../../../lab/platforms/docker/engine.ts"
import { frameReader } from "./frames.ts"

export interface ExecSpec {
  argv: string[]
  /** Added to the container's own. */
  env?: Record<string, string>
  /** Everything that the process prints to its standard output. */
  onOutput(bytes: Uint8Array): void
}

/** A process in a container, or why there is none. */
export type Exec = { kind: "running"; process: ExecProcess } | { kind: "refused"; problem: string }

export interface ExecProcess {
  /** Resolves when the engine has ended the stream: with the process, or with whoever still holds its output, two seconds after. */
  closed: Promise<void>
  /** Writes to the process's standard input. */
  write(bytes: Uint8Array): void
  /** Closes the process's standard input. */
  endInput(): void
  /** Lets go of it. The engine then closes its input and reads on what it prints. */
  release(): void
}

/** Starts a process in a running container, without a terminal. A refusal is a value; nothing takes longer than the limits below. */
export async function startExec(engine: Engine, container: string, spec: ExecSpec): Promise<Exec> {
  try {
    const created = await engine.request<{ Id: string }>("POST", `/containers/${encodeURIComponent(container)}/exec`, {
      timeout_ms: CREATE_MS,
      body: {
        Cmd: spec.argv,
        Env: Object.entries(spec.env ?? {}).map(([name, value]) => `${name}=${value}`),
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: false,
        Tty: false,
      },
    })
    if (!created) return { kind: "refused", problem: "it is gone" }
    return await attach(engine.host, created.Id, frameReader(spec.onOutput))
  } catch (error) {
    return { kind: "refused", problem: messageOf(error) }
  }
}

// internal

/** A busy engine takes a second; this one keeps the agent waiting, so that it is less than the engine's own limit. */
const CREATE_MS = 10_000

/** The engine answers before the process runs, in about a millisecond. */
const ATTACH_MS = 10_000

/** An answer that is not the stream is a line of JSON. */
const ANSWER_BYTES = 64 * 1024

/**
 * Starts what was created on a connection that becomes the process's input and output. Written by hand because `fetch` gives
 * nobody such a connection.
 */
function attach(host: string, id: string, onStream: (chunk: Uint8Array) => void): Promise<Exec> {
  const started = Promise.withResolvers<Exec>()
  const closed = Promise.withResolvers<void>()
  // Half-open: we close the process's input and read its output on.
  const socket = createConnection({ ...addressOf(host), allowHalfOpen: true })
  const refuse = (problem: string) => {
    started.resolve({ kind: "refused", problem })
    socket.destroy()
  }
  const timer = setTimeout(() => refuse(`the engine did not start the shell within ${ATTACH_MS} ms`), ATTACH_MS)
  let answer = Buffer.alloc(0)
  let upgraded = false
  socket.on("connect", () => socket.write(startRequest(id)))
  socket.on("data", (chunk: Buffer) => {
    if (upgraded) return onStream(chunk)
    answer = Buffer.concat([answer, chunk])
    const head_bytes = answer.indexOf("\r\n\r\n") + 4
    upgraded = head_bytes >= 4 && statusOf(answer) === 101
    if (!upgraded) return answer.length > ANSWER_BYTES ? refuse("the engine sent something else") : undefined
    clearTimeout(timer)
    started.resolve({ kind: "running", process: processOn(socket, closed.promise) })
    onStream(answer.subarray(head_bytes))
  })
  socket.on("error", (error) => refuse(`the engine at ${host}: ${error.message}`))
  socket.on("end", () => socket.destroy())
  socket.on("close", () => {
    clearTimeout(timer)
    refuse(`the engine said ${statusOf(answer)}: ${messageIn(answer)}`)
    closed.resolve()
  })
  return started.promise
}

function processOn(socket: Socket, closed: Promise<void>): ExecProcess {
  return {
    closed,
    write: (bytes) => socket.write(bytes),
    endInput: () => socket.end(),
    release: () => socket.destroy(),
  }
}

function startRequest(id: string): string {
  const body = JSON.stringify({ Detach: false, Tty: false })
  return [
    `POST /exec/${id}/start HTTP/1.1`,
    "Host: engine",
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "Connection: Upgrade",
    "Upgrade: tcp",
    "",
    body,
  ].join("\r\n")
}

const statusOf = (answer: Buffer) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer.toString("latin1"))?.[1] ?? 0)

/** The engine's own words, `{"message": …}`, in an answer whose other parts no human needs. */
function messageIn(answer: Buffer): string {
  return /"message":"(.*?)"\}/s.exec(answer.toString("utf8"))?.[1] ?? "no reason"
}

/** `host` as DOCKER_HOST has it. */
function addressOf(host: string): { path: string } | { host: string; port: number } {
  if (host.startsWith("unix://")) return { path: host.slice("unix://".length) }
  const { protocol, hostname, port } = new URL(host)
  if (protocol !== "tcp:") throw new UsageError(`the engine is at ${host}: only unix:// and tcp:// can be used`)
  return { host: hostname, port: Number(port) }
}
