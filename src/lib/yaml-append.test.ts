import { describe, expect, test } from "bun:test"
import { withKey } from "./yaml-append.ts"
import { openDocument } from "./yaml-document.ts"

const ADDED = { key: "x", block: "# mine\nx:\n  a: [1]\n", flow: '  "x": {"a": [1]}' }

const add = (text: string) => withKey(text, "f.yaml", ADDED)

describe("a key is added behind all others of", () => {
  test.each<[what: string, before: string]>([
    ["a file of the usual style", "b: 1\n"],
    ["a file that ends without a line break", "b: 1"],
    ["a file that ends in a comment", "b: 1\n# the end"],
    ["a document that is ended by dots", "---\nb: 1\n...\n"],
    ["lines that end as on Windows", "b: 1\r\nc: 2\r\n"],
    ["keys that are set in", "  b: 1\n  c:\n    d: 2\n"],
    ["a text that keeps its blank lines", "b: |+\n  text\n\n"],
    ["a text without a line break at its end", "b: |\n  text"],
    ["anchors and merges", "b: &b {c: 1}\nd: {<<: *b, e: 2}\n"],
    ["a map in braces", "{b: 1, c: {d: 2}}"],
    ["a map in braces over some lines", "{\n  b: 1,\n  c: 2\n}\n"],
    ["a map in braces with a comma at its end", "{b: 1,} # the end\n"],
    ["a map in braces with comments", "{ # begin\n  b: 1 # no comma\n  # end\n}\n"],
    ["JSON", '{\n  "b": 1\n}\n'],
  ])("%s", (_, before) => {
    const after = add(before)
    const { x, ...others } = openDocument(after, "f.yaml").value as Record<string, unknown>
    expect(x).toEqual({ a: [1] })
    expect(others).toEqual(openDocument(before, "f.yaml").value as Record<string, unknown>)
    // What was there is there, in one or two pieces.
    let common = 0
    while (common < before.length && before[common] === after[common]) common += 1
    expect(after.endsWith(before.slice(common))).toBe(true)
    expect(/[^\r]\n/.test(after)).toBe(!before.includes("\r"))
  })

  test("nothing that has it already, or has no keys", () => {
    expect(() => add("b: 1\nx:\n")).toThrow("f.yaml:2:1: x: is there already")
    expect(() => add("- 1\n")).toThrow("f.yaml:1:1: holds no keys at its top level")
    expect(() => add("")).toThrow("f.yaml:1:1: the file is empty")
    expect(() => add("b: [")).toThrow(/^f\.yaml:1:\d+: /)
  })
})
