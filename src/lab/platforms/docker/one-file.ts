import { OperatorError, UsageError } from "../../../lib/errors.ts"
import { dockerEngine, EngineRefusal } from "./engine.ts"

/** A file of a container, with all that an archive says of it: owner, mode, age. */
export interface OneFile {
  /** The block of 512 bytes before its content in a tar archive, in base64: pax(1), "ustar interchange format". */
  header: string
  content: Uint8Array<ArrayBuffer>
}

/**
 * A regular file of a container, whether or not that runs; undefined where there is none. What is longer than `max_bytes`, or is no
 * regular file, is a UsageError.
 */
export async function readOneFile(
  container: string,
  path: string,
  { max_bytes }: { max_bytes: number },
): Promise<OneFile | undefined> {
  const tar = await archiveOf(container, path, max_bytes)
  if (tar === undefined) return undefined
  for (let at = 0; at + BLOCK_BYTES <= tar.length;) {
    const header = tar.subarray(at, at + BLOCK_BYTES)
    const type = String.fromCharCode(header[TYPE_AT]!)
    const size_bytes = parseInt(textAt(header, SIZE), 8)
    const begin = at + BLOCK_BYTES
    // Records before the file's own, of what its header has no room for.
    if (type === "x" || type === "g") at = begin + blocks(size_bytes)
    else if (type !== "0" && type !== "\0") break
    else if (size_bytes > max_bytes)
      throw new UsageError(`${path} has ${size_bytes} bytes: at most ${max_bytes} are kept`)
    else return { header: Buffer.from(header).toString("base64"), content: tar.slice(begin, begin + size_bytes) }
  }
  throw new UsageError(`${path} is no regular file`, { hint: "a link is to be named by what it points to" })
}

/** Puts it there, in the place of whatever is, with its owner and mode. It is as old as `modified`, in whole seconds. */
export async function writeOneFile(container: string, path: string, file: OneFile, modified: Date): Promise<void> {
  const cut = path.lastIndexOf("/")
  const query = { path: path.slice(0, cut) || "/" }
  const tar = archived(path.slice(cut + 1), file, modified)
  await dockerEngine().request("PUT", `/containers/${container}/archive`, { query, tar })
}

/** When a file of a container was written, to the second. */
export function modifiedAt({ header }: OneFile): Date {
  return new Date(parseInt(textAt(Buffer.from(header, "base64"), MTIME), 8) * 1_000)
}

// internal

const BLOCK_BYTES = 512
const TYPE_AT = 156
/** Where a field is in a header, and how long: pax(1). */
const [NAME, SIZE, MTIME, CHECKSUM, PREFIX] = [
  { at: 0, length: 100 },
  { at: 124, length: 12 },
  { at: 136, length: 12 },
  { at: 148, length: 8 },
  { at: 345, length: 155 },
] as const

type Field = { at: number; length: number }

const blocks = (bytes: number) => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES

function textAt(header: Uint8Array, { at, length }: Field): string {
  return Buffer.from(header.subarray(at, at + length))
    .toString("latin1")
    .replace(/[\0 ].*$/s, "")
}

async function archiveOf(container: string, path: string, max_bytes: number): Promise<Uint8Array | undefined> {
  const enough = new AbortController()
  const parts: Uint8Array[] = []
  let length = 0
  try {
    const stream = await dockerEngine().stream("GET", `/containers/${container}/archive`, {
      query: { path },
      signal: AbortSignal.any([enough.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    // The rest of one that is too long is not asked for: its header says how long it is.
    for await (const part of stream) {
      parts.push(part)
      length += part.length
      if (length > max_bytes + ROOM_BYTES) break
    }
  } catch (error) {
    if (error instanceof EngineRefusal && error.status === 404) return undefined
    throw error
  } finally {
    enough.abort()
  }
  return new Uint8Array(Buffer.concat(parts))
}

const TIMEOUT_MS = 10_000
/** Headers, records and the archive's end. */
const ROOM_BYTES = 16 * 1024

function archived(name: string, { header: kept, content }: OneFile, modified: Date): Uint8Array<ArrayBuffer> {
  const tar = new Uint8Array(BLOCK_BYTES + blocks(content.length) + 2 * BLOCK_BYTES)
  const header = tar.subarray(0, BLOCK_BYTES)
  header.set(Buffer.from(kept, "base64"))
  if (Buffer.byteLength(name) > NAME.length) throw new OperatorError(`${name} is too long a name`)
  const put = ({ at, length }: Field, text: string) => {
    header.fill(0, at, at + length)
    header.set(Buffer.from(text), at)
  }
  const octal = (value: number, { length }: Field) => value.toString(8).padStart(length - 1, "0")
  put(NAME, name)
  put(PREFIX, "")
  put(SIZE, octal(content.length, SIZE))
  put(MTIME, octal(Math.floor(modified.getTime() / 1_000), MTIME))
  put(CHECKSUM, " ".repeat(CHECKSUM.length))
  const sum = header.reduce((total, byte) => total + byte, 0)
  put(CHECKSUM, `${sum.toString(8).padStart(6, "0")}\0 `)
  tar.set(content, BLOCK_BYTES)
  return tar
}
