/**
 * Takes the payload out of the engine's framed stream: eight bytes of head, the last four of them the payload's length, big-endian
 * (Docker Engine API, "Attach to a container", stream format). Heads and payloads may be split anywhere.
 */
export function frameReader(onPayload: (bytes: Uint8Array) => void): (chunk: Uint8Array) => void {
  const head = new Uint8Array(HEAD_BYTES)
  const length = new DataView(head.buffer)
  let head_bytes = 0
  let payload_bytes = 0
  return (chunk) => {
    let at = 0
    while (at < chunk.length) {
      if (payload_bytes > 0) {
        const part = chunk.subarray(at, at + payload_bytes)
        payload_bytes -= part.length
        at += part.length
        onPayload(part)
        continue
      }
      head[head_bytes++] = chunk[at++]!
      if (head_bytes < HEAD_BYTES) continue
      head_bytes = 0
      payload_bytes = length.getUint32(LENGTH_AT)
    }
  }
}

// internal

const HEAD_BYTES = 8
const LENGTH_AT = 4
