import { expect, test } from "bun:test"
import { isBelow } from "./below.ts"

test("what is in a folder is below it, however deep, and neither the folder nor its neighbours are", () => {
  const below = ["/a/b", "/a/b/c", "/a/..b", "/a/x/../b", "/a/b/"]
  const not = ["/a", "/a/", "/", "/ab", "/a/..", "/a/../b", "/b/a"]
  expect(below.filter((path) => !isBelow(path, "/a"))).toEqual([])
  expect(not.filter((path) => isBelow(path, "/a"))).toEqual([])
  expect([isBelow("/a", "/"), isBelow("/", "/")]).toEqual([true, false])
})
