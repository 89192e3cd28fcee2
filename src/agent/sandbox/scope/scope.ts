import { chmodSync, rmSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { refusal } from "./answer.ts"
import { EnvironmentError, messageOf, UsageError } from "../../../lib/errors.ts"
import { clientOn } from "./client.ts"
import { type ScopeEntry, serve } from "./connection.ts"
import { engineAt } from "./engine.ts"
import { aboutLab } from "./route.ts"
import type { Terms } from "./terms.ts"

export type { ScopeEntry } from "./connection.ts"
export type { DeclaredBind, Terms } from "./terms.ts"

export interface ScopeOptions extends Terms {
  /** Where the new socket will be, in a directory of its own: the directory is what a container mounts. */
  socket: string
  /** The engine's own socket. */
  engine: string
  /** Told of each request before it is sent on. When it throws, the request is refused. */
  onRequest: (entry: ScopeEntry) => void
}

export interface Scope extends AsyncDisposable {
  /** Ends all connections and removes the socket. */
  close(): Promise<void>
}

/**
 * A Docker engine in which nothing exists but one lab: an ordinary client does everything with the lab's own objects, and everything
 * else is refused or not found. Throws UsageError for terms that cannot be kept, EnvironmentError when the socket cannot be opened.
 */
export async function startScope(options: ScopeOptions): Promise<Scope> {
  check(options)
  const { socket: path, engine, onRequest } = options
  const about = aboutLab(engineAt(engine), options)
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    if (sockets.size > CONNECTIONS_MAX + REFUSALS_MAX) return void socket.destroy()
    if (sockets.size > CONNECTIONS_MAX) {
      return clientOn(socket).finish(refusal(503, `more than ${CONNECTIONS_MAX} connections at once`, false))
    }
    serve(socket, { engine, about, onRequest }).catch(() => socket.destroy())
  })
  rmSync(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(path, resolve)
  }).catch((cause) => {
    throw new EnvironmentError(`no socket at ${path}: ${messageOf(cause)}`, { hint: "is its directory there?", cause })
  })
  // Whoever works in the lab's kitchen may be nobody in particular; who reaches the directory is decided by who mounts it.
  chmodSync(path, 0o666)

  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    }).finally(() => rmSync(path, { force: true }))
    return closing
  }
  return { close, [Symbol.asyncDispose]: close }
}

// internal

/** A client needs one or two at a time; a lab's agent runs one command at a time. */
const CONNECTIONS_MAX = 256

/** As many more are told so; beyond them there is only silence. */
const REFUSALS_MAX = 64

/** The kernel's bound for the name of a Unix socket, without its final zero. */
const SOCKET_PATH_BYTES = 107

function check({ lab, project, socket, binds = [] }: ScopeOptions): void {
  for (const name of [lab, project]) {
    if (!/^[a-z0-9][a-z0-9_-]*$/.test(name)) throw new UsageError(`"${name}" is not the name of a lab or project`)
  }
  if (Buffer.byteLength(socket) > SOCKET_PATH_BYTES) {
    throw new EnvironmentError(`the path of the socket is longer than ${SOCKET_PATH_BYTES} bytes: ${socket}`, {
      hint: "use a shorter directory",
    })
  }
  for (const { source } of binds) {
    // Whoever can write to a directory can put a symbolic link to anywhere in it, and the engine follows it.
    const within = binds.find(
      (other) => !other.read_only && source !== other.source && source.startsWith(`${other.source}/`),
    )
    if (within) throw new UsageError(`the mount of ${source} lies within ${within.source}, which the lab can write to`)
  }
}
