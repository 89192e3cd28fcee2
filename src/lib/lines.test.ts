import { expect, test } from "bun:test"
import { linesOf } from "./lines.ts"

async function* parts(...texts: string[]) {
  for (const text of texts) yield new TextEncoder().encode(text)
}

const linesIn = (texts: string[], max_chars = 100) => Array.fromAsync(linesOf(parts(...texts), { max_chars }))

test("lines are put together over parts, by whatever ends them, and blank ones are left out", async () => {
  expect(await linesIn(["one\ntw", "o\r\n\n  \nthree\rfo", "ur"])).toEqual(["one", "two", "three", "four"])
})

test("of a line that is too long no more is kept than the bound and a part", async () => {
  expect(await linesIn(["1234", "567\n", "8"], 5)).toEqual(["1234567", "8"])
  expect(await linesIn(["123456", "789\n"], 5)).toEqual(["123456", "789"])
})
