import { describe, expect, test } from "bun:test"
import { parseSubject } from "./parse-subject.ts"
import { render } from "./render.ts"

const subject = await parseSubject("services: {a: {}, b: {}}\nx-operator: {groups: {both: [a, b]}}", "kv.yaml")
const places = { lab: "/lab", url: (name: string, port?: string) => `http://${name}.test${port ? `:${port}` : ""}` }
const filled = (text: string, values: Record<string, string> = {}) => render(text, subject, places, new Map(), values)

describe("placeholders", () => {
  test("name addresses, with the service's port where one is given", () => {
    expect(filled("{url:a} {url:a:80} {urls:both} {urls:both:80} {lab}")).toBe(
      "http://a.test http://a.test:80 http://a.test,http://b.test http://a.test:80,http://b.test:80 /lab",
    )
  })

  test("give a value as it is or in base64, also inside JSON", () => {
    expect(filled('{"key":"{base64:key}","as it is":"{key}"}', { key: "kéy" })).toBe(
      '{"key":"a8OpeQ==","as it is":"kéy"}',
    )
  })

  test("that nobody gave are left alone", () => {
    expect(filled("{base64:other} {key} {}")).toBe("{base64:other} {key} {}")
  })
})
