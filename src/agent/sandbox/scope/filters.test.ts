import { expect, test } from "bun:test"
import { parseFilters, withLabel, writeFilters } from "./filters.ts"

const KEYS = ["label", "name"]

test("filters are read in both of the engine's forms, and the lab's label is added to them", () => {
  for (const text of ['{"label":["x=1"],"name":["a"]}', '{"label":{"x=1":true},"name":{"a":false}}']) {
    const filters = parseFilters(text, KEYS)!
    expect(JSON.parse(writeFilters(withLabel(filters, "lab=l")))).toEqual({
      label: { "x=1": true, "lab=l": true },
      name: { a: true },
    })
  }
})

test("no filters at all become the lab's label", () => {
  for (const text of [undefined, "", "{}"]) {
    expect(writeFilters(withLabel(parseFilters(text, KEYS)!, "lab=l"))).toBe('{"label":{"lab=l":true}}')
  }
})

test.each([
  "[]",
  "null",
  "x",
  '{"Label":["a"]}',
  '{"label":"a"}',
  '{"label":[1]}',
  '{"label":null}',
  '{"__proto__":["a"]}',
])("%s are no filters", (text) => {
  expect(parseFilters(text, KEYS)).toBeUndefined()
})
