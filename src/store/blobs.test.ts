import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { randomBytes } from "node:crypto"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { CheckFailed } from "../lib/errors.ts"
import { sha256 } from "../lib/ids.ts"
import { keepBlob, readBlob } from "./blobs.ts"
import { append, events, firstBreak } from "./events.ts"
import { keepText, readText } from "./texts.ts"

const TEN_MIB = 10 * 1_024 * 1_024

let stored: StoredLab

beforeEach(() => {
  stored = storedLab()
})

afterEach(() => stored[Symbol.dispose]())

interface Kept {
  n: number
  size_bytes: number
  codec: string
  packed_bytes: number
}

const kept = (hash: string) =>
  stored.store.db
    .query<Kept, [string]>(
      "select count(*) n, size_bytes, codec, length(content) packed_bytes from blobs where hash = ?",
    )
    .get(hash)!

describe("a blob", () => {
  test.each<[string, Uint8Array, string]>([
    ["nothing at all", new Uint8Array(0), "raw"],
    ["a short one", Buffer.from("ok\n"), "raw"],
    ["every byte there is", Uint8Array.from({ length: 256 }, (_, byte) => byte), "raw"],
    ["a log", Buffer.from("2026-01-28 12:00:00 GET /health 200\n".repeat(1_000)), "zstd"],
    ["what cannot be compressed", randomBytes(100_000), "raw"],
    ["ten megabytes of zeros", new Uint8Array(TEN_MIB), "zstd"],
    ["ten megabytes of noise", randomBytes(TEN_MIB), "raw"],
  ])("is read back byte by byte: %s", (_, content, codec) => {
    const hash = keepBlob(stored.store, content)
    expect(hash).toBe(sha256(content))
    expect(kept(hash)).toMatchObject({ size_bytes: content.length, codec })
    expect(kept(hash).packed_bytes).toBeLessThanOrEqual(content.length)
    expect(Buffer.compare(readBlob(stored.store, hash)!, content)).toBe(0)
  })

  test("is kept once, however often and as whatever it is given", () => {
    const text = "größer".repeat(500)
    const hashes = [text, text, Buffer.from(text)].map((input) => keepBlob(stored.store, input))
    expect(new Set(hashes).size).toBe(1)
    expect(kept(hashes[0]!)).toMatchObject({ n: 1, size_bytes: Buffer.byteLength(text) })
  })

  test("belongs to its event by its hash, and may be pruned without breaking the chain", () => {
    const { store, lab } = stored
    const result = { step: 1, call: "c", exit_code: 0, signal: null, ended_by: "exit", duration_ms: 1, output_bytes: 4 }
    append(store, lab, "result", { ...result, shown: "\x00…" }, { blob: new Uint8Array([0, 255, 254, 10]) })
    const { blob } = events(store, lab, { kinds: ["result"] })[0]!
    expect(readBlob(store, blob!)).toEqual(new Uint8Array([0, 255, 254, 10]))
    store.db.run("delete from blobs")
    expect(readBlob(store, blob!)).toBeUndefined()
    expect(firstBreak(store, lab)).toBeUndefined()
  })

  test.each([
    ["raw", "short"],
    ["zstd", "long ".repeat(1_000)],
  ])("that was altered is refused (%s)", (codec, content) => {
    const hash = keepBlob(stored.store, content)
    expect(kept(hash).codec).toBe(codec)
    stored.store.db.run("update blobs set content = substr(content, 2)")
    expect(() => readBlob(stored.store, hash)).toThrow(CheckFailed)
  })
})

test("a text is kept under its hash, once, and an edit makes another one", () => {
  const { store } = stored
  const first = keepText(store, "variant", "mine.yaml", "name: mine\n")
  expect(keepText(store, "variant", "copy.yaml", "name: mine\n")).toBe(first)
  const second = keepText(store, "variant", "mine.yaml", "name: mine # edited\n")
  expect(readText(store, first)).toEqual({ kind: "variant", name: "mine.yaml", content: "name: mine\n" })
  expect(readText(store, second).content).toBe("name: mine # edited\n")
  expect(() => readText(store, sha256("never kept"))).toThrow("does not hold the text")
})
