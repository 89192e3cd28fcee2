import type { Socket } from "node:net"
import { HEAD_END } from "./head.ts"

/**
 * The client's side of a connection, read piece by piece. Between the pieces it is paused, so that what a client sends ahead stays
 * in the kernel and not in this process.
 */
export interface Client {
  socket: Socket
  /** The head without its end; "silent" when none comes in time, "too_long" when it does not end. */
  head(): Promise<{ kind: "head"; text: string } | { kind: "silent" } | { kind: "too_long" }>
  /** Exactly so many bytes; undefined when they don't come in time. */
  body(size_bytes: number): Promise<Buffer | undefined>
  /** From here on each piece goes to `take`, the first of them being what was read already. `ended` is the client's half-close. */
  flow(take: (chunk: Buffer) => void, ended: () => void): void
  /** Reads and forgets. */
  discard(ended: () => void): void
  /** Sends the last words and closes; the client's unread words don't make it lose them. */
  finish(last?: string): void
}

export function clientOn(socket: Socket): Client {
  let pending: Buffer = Buffer.alloc(0)
  let take: (chunk: Buffer) => void = (chunk) => void (pending = Buffer.concat([pending, chunk]))
  let onEnd = () => {}
  let finishing = false
  let ended = false

  socket.pause()
  socket.on("data", (chunk: Buffer) => take(chunk))
  socket.on("end", () => {
    ended = true
    onEnd()
  })
  socket.on("error", () => socket.destroy())

  /** Collects until `whole` finds what it wants. */
  const until = <Value>(whole: () => Value | undefined, hopeless: () => boolean) =>
    new Promise<Value | undefined>((resolve) => {
      const settle = (value: Value | undefined) => {
        clearTimeout(timer)
        socket.off("close", gone)
        socket.pause()
        take = (chunk) => void (pending = Buffer.concat([pending, chunk]))
        onEnd = () => {}
        resolve(value)
      }
      const gone = () => settle(undefined)
      const timer = setTimeout(gone, READ_MS)
      const look = () => {
        const value = whole()
        if (value !== undefined) settle(value)
        else if (hopeless() || ended) gone()
      }
      socket.on("close", gone)
      take = (chunk) => {
        pending = Buffer.concat([pending, chunk])
        look()
      }
      onEnd = look
      socket.resume()
      look()
    })

  const client: Client = {
    socket,
    async head() {
      const text = await until(
        () => {
          const end = pending.indexOf(HEAD_END)
          if (end === -1 || end > HEAD_MAX_BYTES) return undefined
          const head = pending.subarray(0, end).toString("latin1")
          pending = pending.subarray(end + HEAD_END.length)
          return head
        },
        () => pending.length > HEAD_MAX_BYTES,
      )
      if (text !== undefined) return { kind: "head", text }
      return { kind: pending.length > HEAD_MAX_BYTES ? "too_long" : "silent" }
    },
    body: (size_bytes) =>
      until(
        () => {
          if (pending.length < size_bytes) return undefined
          const body = pending.subarray(0, size_bytes)
          pending = pending.subarray(size_bytes)
          return body
        },
        () => false,
      ),
    flow(next, ending) {
      take = next
      onEnd = ending
      if (pending.length > 0) next(pending)
      pending = Buffer.alloc(0)
      if (ended) ending()
      else socket.resume()
    },
    discard: (ending) => client.flow(() => {}, ending),
    finish(last = "") {
      if (finishing) return
      finishing = true
      const close = () => socket.destroy()
      socket.once("finish", () => setTimeout(close, LINGER_MS).unref())
      socket.end(last)
      client.discard(close)
    },
  }
  return client
}

// internal

/** A client writes its request at once; one that only holds the connection open gives it back after this. */
const READ_MS = 30_000

/** Docker's clients need less than 1 KiB. */
const HEAD_MAX_BYTES = 64 * 1024

/** How long a client may take to read its answer and close, once the kernel has it. */
const LINGER_MS = 2_000
