import { expect, test } from "bun:test"
import { Capture } from "./capture.ts"

const LIMITS = { kept_bytes: 100, head_bytes: 10, tail_bytes: 10 }

function captured(output: string | Uint8Array, chunk_bytes: number, limits = LIMITS): Capture {
  const bytes = Buffer.from(output as string)
  const capture = new Capture(limits)
  for (let i = 0; i < bytes.length; i += chunk_bytes) capture.add(bytes.subarray(i, i + chunk_bytes))
  return capture
}

test("a short output is shown whole", () => {
  expect(captured("", 1).shown()).toBe("")
  expect(captured("12345678901234567890", 7).shown()).toBe("12345678901234567890")
})

test("a long output is shown as head and tail around a line with the count of what is missing", () => {
  expect(captured(`head\n${"x".repeat(80)}\ntail\n`, 9).shown()).toBe(
    "head\nxxxxx\n[… 71 bytes omitted …]\nxxxx\ntail\n",
  )
  expect(captured(`${"y".repeat(9)}\n${"x".repeat(60)}`, 9).shown()).toStartWith(
    "yyyyyyyyy\n[… 50 bytes omitted …]\nxx",
  )
  const million = captured("x".repeat(1_000_020), 65_536, { ...LIMITS, kept_bytes: 2_000_000 })
  expect(million.shown()).toContain("\n[… 1,000,000 bytes omitted …]\n")
})

test("the same is kept and shown however the output arrives", () => {
  const output = Array.from({ length: 40 }, (_, i) => `line ${i}\n`).join("")
  const whole = captured(output, output.length)
  for (let chunk_bytes = 1; chunk_bytes < 60; chunk_bytes++) {
    const capture = captured(output, chunk_bytes)
    expect(capture.shown()).toBe(whole.shown())
    expect(Buffer.from(capture.output()).toString()).toBe(output.slice(0, 100))
    expect(capture.total_bytes).toBe(output.length)
  }
})

test("beyond the cap nothing is kept but the count and the tail", () => {
  const capture = captured(`${"a".repeat(100)}${"b".repeat(50)}the very end`, 33)
  expect(capture.overflowed).toBe(true)
  expect(Buffer.from(capture.output()).toString()).toBe("a".repeat(100))
  expect(capture.total_bytes).toBe(162)
  expect(capture.shown()).toBe("aaaaaaaaaa\n[… 142 bytes omitted …]\ne very end")
  expect(captured("a".repeat(100), 100).overflowed).toBe(false)
})

test("a character is never cut, and the count is of bytes", () => {
  for (const character of ["é", "€", "🙂"]) {
    for (let shift = 0; shift < 4; shift++) {
      const output = "x".repeat(shift) + character.repeat(20)
      const shown = captured(output, 3, { ...LIMITS, kept_bytes: 60 }).shown()
      expect(shown).not.toContain("\ufffd")
      const [head, tail] = shown.split(/\n\[… \d+ bytes omitted …\]\n/) as [string, string]
      const omitted = Number(/(\d+) bytes/.exec(shown)?.[1])
      expect(Buffer.byteLength(head) + omitted + Buffer.byteLength(tail)).toBe(Buffer.byteLength(output))
    }
  }
})

test("bytes that are no text are shown as replacement characters, and survive JSON", () => {
  const every = new Uint8Array(256).map((_, i) => i)
  const capture = captured(every, 5, { kept_bytes: 1_000, head_bytes: 500, tail_bytes: 500 })
  const shown = capture.shown()
  expect(shown).toContain("\ufffd")
  expect(shown).toStartWith("␀\u0001")
  expect(JSON.parse(JSON.stringify(shown))).toBe(shown)
  expect(capture.output()).toEqual(every)
  expect(captured(new Uint8Array(300).fill(0xbf), 300).shown()).toContain("\n[… 280 bytes omitted …]\n")
})
