export interface CaptureLimits {
  /** Of an output, this much is kept whole. */
  kept_bytes: number
  /** Of a long output, this much is shown from its beginning and its end. */
  head_bytes: number
  tail_bytes: number
}

/** What a command prints, in bounded memory: whole up to the cap; of what comes after, the count and the tail. */
export class Capture {
  /** All that was added, kept or not. */
  total_bytes = 0
  readonly #limits: CaptureLimits
  #kept = new Uint8Array(0)
  /** The last bytes added, at its end. */
  readonly #tail: Uint8Array

  constructor(limits: CaptureLimits) {
    this.#limits = limits
    this.#tail = new Uint8Array(limits.tail_bytes)
  }

  add(chunk: Uint8Array): void {
    this.#keep(chunk)
    this.total_bytes += chunk.length
    const last = chunk.subarray(-this.#tail.length)
    this.#tail.copyWithin(0, last.length)
    this.#tail.set(last, this.#tail.length - last.length)
  }

  /** More was added than is kept. */
  get overflowed(): boolean {
    return this.total_bytes > this.#limits.kept_bytes
  }

  /** What is kept, without a copy. */
  output(): Uint8Array {
    return this.#kept.subarray(0, this.#keptBytes)
  }

  /** Whole when short, else head and tail around a line with the number of bytes between them. Safe as JSON. */
  shown(): string {
    const { head_bytes, tail_bytes } = this.#limits
    const output = this.output()
    if (this.total_bytes <= head_bytes + tail_bytes && !this.overflowed) return decode(output)
    const head = withoutCutEnd(output, head_bytes)
    const tail_length = Math.min(tail_bytes, this.total_bytes - head.length)
    const tail = withoutCutStart(this.#tail.subarray(tail_bytes - tail_length))
    const omitted = (this.total_bytes - head.length - tail.length).toLocaleString("en-US")
    const text = decode(head)
    return `${text}${text.endsWith("\n") ? "" : "\n"}[… ${omitted} bytes omitted …]\n${decode(tail)}`
  }

  get #keptBytes(): number {
    return Math.min(this.total_bytes, this.#limits.kept_bytes)
  }

  #keep(chunk: Uint8Array): void {
    const room = this.#limits.kept_bytes - this.#keptBytes
    const needed = this.#keptBytes + Math.min(chunk.length, room)
    if (needed > this.#kept.length) {
      const larger = Math.max(needed, GROWTH * this.#kept.length, FIRST_BUFFER_BYTES)
      const grown = new Uint8Array(Math.min(larger, this.#limits.kept_bytes))
      grown.set(this.output())
      this.#kept = grown
    }
    this.#kept.set(chunk.subarray(0, room), this.#keptBytes)
  }
}

// internal

/** Most outputs fit. */
const FIRST_BUFFER_BYTES = 4 * 1024

/** Steep, so that few bytes are copied and little is left behind; memory that is not written to costs nothing. */
const GROWTH = 8

/** The length of a UTF-8 sequence is at most this (RFC 3629). */
const LONGEST_SEQUENCE_BYTES = 4

const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80

/** The first `length` bytes, less the beginning of a character that would be cut there. */
function withoutCutEnd(bytes: Uint8Array, length: number): Uint8Array {
  for (let back = 0; back < LONGEST_SEQUENCE_BYTES; back++) {
    if (!isContinuation(bytes[length - back])) return bytes.subarray(0, length - back)
  }
  return bytes.subarray(0, length)
}

/** The bytes, less the end of a character that was cut before them. */
function withoutCutStart(bytes: Uint8Array): Uint8Array {
  for (let start = 0; start < LONGEST_SEQUENCE_BYTES; start++) {
    if (!isContinuation(bytes[start])) return bytes.subarray(start)
  }
  return bytes
}

/** Text from whatever was printed: U+FFFD for what is not UTF-8, and the symbol for NUL instead of NUL. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes).replaceAll("\0", "␀")
}
