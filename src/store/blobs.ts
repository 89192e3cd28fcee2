import { CheckFailed } from "../lib/errors.ts"
import { sha256 } from "../lib/ids.ts"
import type { Store } from "./open.ts"

export type BlobInput = Uint8Array | string

/** Below this, compression costs more than it saves. */
const COMPRESS_FROM_BYTES = 512
/** 11 times smaller at 750 MB/s on logs; higher levels cost ten times the time for a fifth more. */
const ZSTD_LEVEL = 3

/** Keeps content under its SHA-256, once, compressed. Returns the hash. */
export function keepBlob(store: Store, input: BlobInput): string {
  const content = typeof input === "string" ? new TextEncoder().encode(input) : input
  const hash = sha256(content)
  if (store.db.query("select 1 from blobs where hash = ?").get(hash)) return hash
  const packed = content.length < COMPRESS_FROM_BYTES ? content : Bun.zstdCompressSync(content, { level: ZSTD_LEVEL })
  const codec = packed.length < content.length ? "zstd" : "raw"
  store.write(() =>
    store.db
      .query("insert or ignore into blobs (hash, size_bytes, codec, content) values (?, ?, ?, ?)")
      .run(hash, content.length, codec, codec === "zstd" ? packed : content),
  )
  return hash
}

/** The content again, or undefined when it was pruned. Throws CheckFailed when it is no longer what the hash says. */
export function readBlob(store: Store, hash: string): Uint8Array | undefined {
  const row = store.db
    .query<{ codec: string; content: Uint8Array }, [string]>("select codec, content from blobs where hash = ?")
    .get(hash)
  if (!row) return undefined
  const content = unpacked(hash, row)
  if (sha256(content) !== hash) throw altered(hash)
  return content
}

// internal

function unpacked(hash: string, row: { codec: string; content: Uint8Array }): Uint8Array {
  if (row.codec !== "zstd") return row.content
  try {
    return new Uint8Array(Bun.zstdDecompressSync(row.content))
  } catch (error) {
    throw altered(hash, error)
  }
}

function altered(hash: string, cause?: unknown): CheckFailed {
  return new CheckFailed(`the blob ${hash} was altered`, { cause })
}
