import { expect, test } from "bun:test"
import { cutsOf, uncut } from "./cuts.ts"

test("a split parts those that are chosen from all others, and from nobody among themselves", () => {
  expect(cutsOf("split", ["a"], ["a", "b", "c"])).toEqual([
    ["a", "b"],
    ["a", "c"],
  ])
  expect(cutsOf("split", ["a", "b"], ["a", "b", "c"])).toEqual([
    ["a", "c"],
    ["b", "c"],
  ])
})

test("a bridge sees two halves that do not see each other", () => {
  expect(cutsOf("bridge", ["b"], ["a", "b", "c"])).toEqual([["a", "c"]])
  expect(cutsOf("bridge", ["c"], ["a", "b", "c", "d", "e"])).toEqual([
    ["a", "d"],
    ["a", "e"],
    ["b", "d"],
    ["b", "e"],
  ])
})

test("a pair for comparison is one that no cut touches, where there is one", () => {
  expect(uncut([["a", "b"]], ["a", "b", "c"])).toEqual(["a", "c"])
  expect(uncut([["a", "b"]], ["a", "b"])).toBeUndefined()
})
