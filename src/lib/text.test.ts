import { expect, test } from "bun:test"
import { wrapped } from "./text.ts"

test("a text is broken between words, in lines that are not too wide", () => {
  expect(wrapped("one two three", 7)).toEqual(["one two", "three"])
  expect(wrapped("one two three", 3)).toEqual(["one", "two", "three"])
  expect(wrapped("one  two", 80)).toEqual(["one  two"])
  expect(wrapped("one two", Infinity)).toEqual(["one two"])
  expect(wrapped("一二三 四", 7)).toEqual(["一二三", "四"])
})

test("a word that is too wide has a line of its own", () => {
  expect(wrapped("a longer b", 4)).toEqual(["a", "longer", "b"])
})
