import { describe, expect, test } from "bun:test"
import { parseTarget, writeQuery } from "./target.ts"

describe("a target", () => {
  test("is a path with or without a version, and a query with each key once", () => {
    const parsed = parseTarget("/v1.41/containers/json?all=1&filters=%7B%22a%22%3A%22b+c%22%7D&x")
    expect(parsed).toEqual({
      kind: "parsed",
      value: {
        version: "/v1.41",
        path: "/containers/json",
        query: new Map([
          ["all", "1"],
          ["filters", '{"a":"b c"}'],
          ["x", ""],
        ]),
      },
    })
    expect(parseTarget("/_ping")).toMatchObject({ value: { version: "", path: "/_ping" } })
  })

  test("keeps a second version as a part of its path, where no route is", () => {
    expect(parseTarget("/v1.41/v1.41/info")).toMatchObject({ value: { version: "/v1.41", path: "/v1.41/info" } })
    expect(parseTarget("/v2.1/info")).toMatchObject({ value: { version: "", path: "/v2.1/info" } })
  })

  test.each([
    "/a%2fb",
    "/a/%2e%2e/b",
    "//a",
    "/a//b",
    "/a/../b",
    "/a/./b",
    "/a/..",
    "/a\\b",
    "/a;b",
    "/v1.23/info",
    "/a?x=1;y=2",
    "/a?x=%",
    "/a?x=%ff",
    "/a?x=%00",
    "/a?x=%0a",
    "/a?x=1&x=2",
    "/a?x=1&%78=2",
    "/a?x#y",
  ])("%s is malformed", (text) => {
    expect(parseTarget(text).kind).toBe("malformed")
  })

  test("is written in one way, whatever way it came", () => {
    const parsed = parseTarget("/a?p=%2Ftmp/x+y&q=%41")
    expect(parsed.kind === "parsed" && writeQuery(parsed.value.query)).toBe("?p=%2Ftmp%2Fx%20y&q=A")
    expect(writeQuery(new Map())).toBe("")
  })
})
