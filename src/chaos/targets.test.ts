import { describe, expect, test } from "bun:test"
import { parseSubject } from "../lab/parse-subject.ts"
import { UsageError } from "../lib/errors.ts"
import { members } from "../lab/render.ts"
import { chooseTargets, groupOf, requireNodes } from "./targets.ts"

const subject = await parseSubject(
  JSON.stringify({
    name: "kv",
    services: Object.fromEntries(["a", "b", "c", "d", "e", "prometheus"].map((name) => [name, {}])),
    "x-operator": {
      prometheus: "http://prometheus:9090",
      faults: { node_kill: { group: "three" } },
      groups: { five: ["a", "b", "c", "d", "e"], three: ["a", "b", "c"], two: ["a", "b"], single: ["a"] },
    },
  }),
  "kv.yaml",
)
const SEEDS = Array.from({ length: 100 }, (_, index) => index)
const choose = (target: string, group: string | undefined, seed = 1) =>
  chooseTargets(target, subject, group === undefined ? undefined : members(subject, group), seed)
const size = (target: string, group: string) => new Set(SEEDS.map((seed) => choose(target, group, seed).length))

describe("a symbolic target", () => {
  test.each([
    ["one", "single", 1],
    ["one", "five", 1],
    ["minority", "three", 1],
    ["minority", "five", 2],
    ["majority", "single", 1],
    ["majority", "two", 2],
    ["majority", "three", 2],
    ["majority", "five", 3],
    ["all", "single", 1],
    ["all", "five", 5],
  ])("%s of %s is %d", (target, group, expected) => {
    expect([...size(target, group)]).toEqual([expected])
  })

  test.each([
    ["two", 2],
    ["single", 1],
  ])("minority of %s is refused: there is none", (group, n) => {
    expect(() => choose("minority", group)).toThrow(new UsageError(`a group of ${n} has no minority`))
  })

  test("stays in its group, and every member has its turn", () => {
    const drawn = new Set(SEEDS.flatMap((seed) => choose("one", "three", seed)))
    expect([...drawn].sort()).toEqual(["a", "b", "c"])
  })

  test("is the same for the same seed", () => {
    for (const seed of SEEDS) expect(choose("majority", "five", seed)).toEqual(choose("majority", "five", seed))
    expect(new Set(SEEDS.map((seed) => choose("majority", "five", seed).join(""))).size).toBe(10)
  })

  test.each(["one", "minority", "majority", "all"])("%s is nobody for a fault without a group", (target) => {
    expect(choose(target, undefined)).toEqual([])
  })
})

describe("a named target", () => {
  test("is a group as a whole, or one service, of the fault's group or not", () => {
    expect(choose("two", "five")).toEqual(["a", "b"])
    expect(choose("prometheus", "five")).toEqual(["prometheus"])
    expect(choose("e", undefined)).toEqual(["e"])
  })

  test("that nobody knows is refused with the nearest one, symbolic ones included", () => {
    expect(() => choose("minorty", "five")).toThrow('kv.yaml: there is no target "minorty" (did you mean "minority"?)')
    expect(() => choose("promtheus", "five")).toThrow('did you mean "prometheus"?')
    expect(() => choose("constructor", "five")).toThrow('there is no target "constructor"')
    expect(() => choose("one", "gruppe")).toThrow('no group or service "gruppe"')
  })
})

test("a fault of nodes draws from the group that its subject names, else from all but its Prometheus", () => {
  expect(groupOf({ name: "node_kill", of_nodes: true }, subject)).toEqual(["a", "b", "c"])
  expect(groupOf({ name: "node_pause", of_nodes: true }, subject)).toEqual(["a", "b", "c", "d", "e"])
  expect(groupOf({ name: "drift" }, subject)).toBeUndefined()
})

test("a fault of nodes is refused when its target names none", () => {
  expect(() => requireNodes("node_kill", [])).toThrow(UsageError)
  expect(() => requireNodes("node_kill", [{ name: "a", service: "a", state: "running" }])).not.toThrow()
})
