import { errorBody, failureText } from "./errors.ts"
import type { Served } from "./message.ts"
import type { Ready } from "./ready.ts"
import type { Turn } from "./script.ts"
import { errorEvent, PING, rawEvents, streamOf, wholeMessage } from "./sse.ts"
import type { Reply } from "./wire.ts"

/** Writes an answer as its script says: whole, in pieces, late, or not to its end. */
export async function deliver(ready: Ready, request: { id: string; stream: boolean }, reply: Reply): Promise<void> {
  const json = { "content-type": "application/json", "request-id": request.id }
  if (ready.kind === "failure") {
    const { type, text } = failureText(ready.failure, request.id)
    return reply.send(ready.failure.status, { ...json, "content-type": type, ...ready.failure.headers }, text)
  }
  const events = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "request-id": request.id,
  }
  if (ready.kind === "raw") {
    reply.begin(events)
    reply.write(rawEvents(ready.stream).join(""))
    return finish(reply, ready.stream.ends ?? "clean")
  }
  const { turn, message } = ready
  if (turn.breaks === "before") return reply.destroy()
  const stallsFirst = turn.where === "before_headers" || !request.stream
  if (turn.stalls_ms !== undefined && stallsFirst && !(await reply.nap(turn.stalls_ms))) return
  if (request.stream) return deliverStream(turn, message, { ...request, headers: events }, reply)
  return deliverWhole(turn, message, { ...request, headers: json }, reply)
}

// internal

type Headed = { id: string; headers: Record<string, string> }

/** While a stream is silent but for pings, so many of them come. */
const PINGS = 10

async function deliverWhole(turn: Turn, message: Served, { id, headers }: Headed, reply: Reply): Promise<void> {
  if (turn.error_event) {
    const { type, message: words } = turn.error_event
    return reply.send(type === "overloaded_error" ? 529 : 500, headers, JSON.stringify(errorBody(500, id, words, type)))
  }
  const text = wholeMessage(message)
  if (!turn.breaks) return reply.send(200, headers, text)
  const part = turn.breaks === "after_headers" ? "" : text.slice(0, text.length / 2)
  reply.sendPart(headers, Buffer.byteLength(text), part)
  return finish(reply, "destroy")
}

async function deliverStream(turn: Turn, message: Served, { id, headers }: Headed, reply: Reply): Promise<void> {
  const { events, middle } = streamOf(message, { pings: turn.pings === true })
  const stalls = turn.stalls_ms !== undefined && turn.where !== "before_headers"
  const shown = shownOf(turn, events, middle, id)
  if (!turn.chunks && !turn.breaks && !stalls) return reply.sendChunked(headers, shown.join(""))

  reply.begin(headers)
  if (stalls) {
    if (!(await write(reply, shown.slice(0, middle), turn.chunks))) return
    if (!(await stall(reply, turn))) return
  }
  if (!(await write(reply, stalls ? shown.slice(middle) : shown, turn.chunks))) return
  return finish(reply, turn.breaks ? (turn.ends ?? "destroy") : "clean")
}

/** The events that really leave. */
function shownOf(
  { breaks, error_event, after }: Turn,
  events: readonly string[],
  middle: number,
  id: string,
): string[] {
  if (breaks) return events.slice(0, { before: 0, after_headers: 0, in_stream: middle, before_stop: -1 }[breaks])
  if (!error_event) return [...events]
  return [...events.slice(0, { nothing: 0, start: 1, some: middle }[after ?? "start"]), errorEvent(error_event, id)]
}

async function stall(reply: Reply, { stalls_ms = 0, pings }: Turn): Promise<boolean> {
  if (!pings) return reply.nap(stalls_ms)
  for (let ping = 0; ping < PINGS; ping++) {
    reply.write(PING)
    if (!(await reply.nap(stalls_ms / PINGS))) return false
  }
  return true
}

/** False when the client has gone away. */
async function write(reply: Reply, events: readonly string[], chunks: Turn["chunks"]): Promise<boolean> {
  const text = events.join("")
  switch (chunks) {
    case undefined:
      reply.write(text)
      return true
    case "events":
      return each(events, reply, (event) => reply.write(event))
    case "bytes":
      return each(Buffer.from(text), reply, (byte) => reply.writeByte(byte))
    case "crlf":
      return each(text.replaceAll("\n", "\r\n").split(/(?<=\r)/), reply, (piece) => reply.write(piece))
  }
}

/** One packet after the other, each with a turn of the event loop to leave in. */
async function each<T>(parts: Iterable<T>, reply: Reply, send: (part: T) => void): Promise<boolean> {
  for (const part of parts) {
    send(part)
    if (!(await reply.breathe())) return false
  }
  return true
}

async function finish(reply: Reply, how: "clean" | "destroy"): Promise<void> {
  if (how === "clean") return reply.end()
  await reply.breathe()
  reply.destroy()
}
