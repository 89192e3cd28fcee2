import { describe, expect, test } from "bun:test"
import { checkExpression, evaluate } from "./expression.ts"

describe("an expression", () => {
  test("yields the value that it names", async () => {
    expect(await evaluate("body.health = 'true'", { body: { health: "true" } })).toEqual({ kind: "value", value: true })
    expect(await evaluate("body.x", { body: { x: null } })).toEqual({ kind: "value", value: null })
  })

  test("yields plain JSON, without the marks that JSONata leaves on its sequences", async () => {
    const found = await evaluate("nodes.name", { nodes: [{ name: "b" }, { name: "a" }] })
    expect(found).toStrictEqual({ kind: "value", value: ["b", "a"] })
  })

  test("yields nothing for a missing path, NaN, infinity, a type error and a function", async () => {
    for (const expression of [
      "body.x",
      "body.x < 5",
      "0/0",
      "1/0",
      "'a' < 5",
      "$number('a')",
      "$sum ~> $string",
      "$nope()",
    ]) {
      expect([expression, (await evaluate(expression, { body: {} })).kind]).toEqual([expression, "nothing"])
    }
  })

  test("says why there is nothing", async () => {
    const found = await evaluate("body.ms < 5", { body: { ms: "fast" } })
    expect(found).toEqual({ kind: "nothing", reason: expect.stringContaining("same data type") })
  })

  test("ends when it loops, recurses without end or asks for too much", async () => {
    for (const expression of [
      "($f := function(){$f()}; $f())",
      "($f := function($n){1 + $f($n)}; $f(1))",
      "[1..100000000]",
    ]) {
      expect([expression, (await evaluate(expression, {})).kind]).toEqual([expression, "nothing"])
    }
  })

  test("can be evaluated over several values at once", async () => {
    const values = Array.from({ length: 50 }, (_, n) => ({ body: { n } }))
    const found = await Promise.all(values.map((value) => evaluate("body.n * 2", value)))
    expect(found).toEqual(values.map(({ body }) => ({ kind: "value", value: body.n * 2 })))
  })

  test("is refused with the place when it cannot be parsed", () => {
    expect(checkExpression("body.x = 1")).toBeUndefined()
    expect(checkExpression("body.[")).toMatch(/"body\.\[" is no JSONata expression: .* at character 6$/)
  })
})
