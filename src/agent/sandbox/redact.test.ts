import { expect, test } from "bun:test"
import { redactor } from "./redact.ts"

function redacted(output: string | Buffer, secrets: string[], chunk_bytes = 1 << 20): Buffer {
  const bytes = Buffer.from(output as string)
  const redact = redactor(secrets)
  const parts: Uint8Array[] = []
  for (let i = 0; i < bytes.length; i += chunk_bytes) parts.push(redact.push(bytes.subarray(i, i + chunk_bytes)))
  return Buffer.concat([...parts, redact.end()])
}

test("a secret is replaced wherever the output is split", () => {
  const output = "key=sk-ant-0123456789 and pässwörd€ and sk-ant-0123456789sk-ant-0123456789, sk-ant-01234567"
  for (let chunk_bytes = 1; chunk_bytes <= output.length; chunk_bytes++) {
    const clean = redacted(output, ["sk-ant-0123456789", "pässwörd€"], chunk_bytes).toString()
    expect(clean).toBe("key=[redacted] and [redacted] and [redacted][redacted], sk-ant-01234567")
  }
})

test("where two secrets begin at one place the longer goes whole", () => {
  for (let chunk_bytes = 1; chunk_bytes <= 30; chunk_bytes++) {
    const clean = redacted("abcdefgh12345678 abcdefgh1234 ", ["abcdefgh", "abcdefgh12345678"], chunk_bytes)
    expect(clean.toString()).toBe("[redacted] [redacted]1234 ")
  }
})

test("a secret that begins and ends alike is found at the end of a chunk", () => {
  for (let chunk_bytes = 1; chunk_bytes <= 20; chunk_bytes++) {
    expect(redacted("abbbbbbba abbbbbbba", ["abbbbbbba"], chunk_bytes).toString()).toBe("[redacted] [redacted]")
  }
})

test("a secret may span lines and hold what means something in a pattern", () => {
  const secret = "-----BEGIN (KEY)-----\n.*+?^${}[]|\\\n-----END-----"
  expect(redacted(`<${secret}>`, [secret], 7).toString()).toBe("<[redacted]>")
})

test("a value too short to be a secret is left alone", () => {
  expect(redacted("true 1234567", ["true", "1234567", ""]).toString()).toBe("true 1234567")
})

test("bytes around a secret come through unchanged", () => {
  const every = Buffer.from(new Uint8Array(256).map((_, i) => i))
  const output = Buffer.concat([every, Buffer.from("0123-secret-4567"), every])
  const clean = redacted(output, ["0123-secret-4567"], 50)
  expect(clean).toEqual(Buffer.concat([every, Buffer.from("[redacted]"), every]))
})
