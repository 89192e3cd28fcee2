/**
 * Reads what the engine sends of a container's output. Without a terminal it comes in frames: one byte says which stream it is,
 * four say how long, then the bytes (Engine API, "Attach to a container", stream format). What is beyond `max_bytes` of a
 * stream is read and dropped.
 */
export function frameReader({ max_bytes, raw = false }: { max_bytes: number; raw?: boolean }) {
  let rest: Uint8Array = new Uint8Array()
  const kept: Kept[] = []
  const size = { out: 0, err: 0 }
  const keep = (stream: Kept["stream"], bytes: Uint8Array) => {
    const room = bytes.slice(0, Math.max(0, max_bytes - size[stream]))
    size[stream] += room.length
    if (room.length > 0) kept.push({ stream, bytes: room })
  }
  return {
    take(part: Uint8Array): void {
      if (raw) return keep("out", part)
      rest = rest.length === 0 ? part : Buffer.concat([rest, part])
      for (;;) {
        const length = rest.length < HEAD_BYTES ? Infinity : HEAD_BYTES + lengthOf(rest)
        if (rest.length < length) return
        keep(rest[0] === STDERR ? "err" : "out", rest.subarray(HEAD_BYTES, length))
        rest = rest.subarray(length)
      }
    },
    /** Of one stream, or of both as they came. */
    text(stream?: Kept["stream"]): string {
      const wanted = kept.filter((one) => stream === undefined || one.stream === stream)
      return Buffer.concat(wanted.map(({ bytes }) => bytes)).toString("utf8")
    },
  }
}

// internal

interface Kept {
  stream: "out" | "err"
  bytes: Uint8Array
}

const HEAD_BYTES = 8
const STDERR = 2

function lengthOf(head: Uint8Array): number {
  return new DataView(head.buffer, head.byteOffset, HEAD_BYTES).getUint32(4)
}
