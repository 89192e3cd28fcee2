import { describe, expect, test } from "bun:test"
import { type Command, defineCommand, type Root } from "./command.ts"
import { type Candidates, complete, type Given } from "./complete.ts"

const leaf = (command: Command) => ({ about: "a command", load: async () => ({ default: command }) })

const broken = {
  about: "throws when it is loaded",
  load: () => Promise.reject<{ default: Command }>(new Error("was loaded")),
}

const inject = defineCommand({
  args: {
    lab: { type: "positional", complete: "lab" },
    fault: { type: "positional", complete: "fault", required: false },
    target: { type: "string", complete: "target", alias: "t" },
    variant: { type: "string", complete: "variant", multiple: true },
    style: { type: "enum", options: ["loud", "soft"] },
    times: { type: "number", alias: "n" },
    polite: { type: "boolean", default: true },
  },
  run: () => undefined,
})

const exec = defineCommand({
  args: { labs: { type: "positional", complete: "lab", multiple: true } },
  rest: { name: "command" },
  run: () => undefined,
})

const root: Root = {
  name: "operator",
  about: "a fixture",
  commands: {
    chaos: { about: "a group", commands: { inject: leaf(inject), revert: broken } },
    exec: leaf(exec),
    export: broken,
    part: { ...broken, hidden: true },
  },
}

const WORLD: Partial<Record<Parameters<Candidates>[0], string[]>> = {
  lab: ["kv-1", "kv-2"],
  fault: ["none", "node_kill", "node_pause"],
  target: ["one", "all"],
  variant: ["nobody", "oracle"],
}

/** The candidates for the end of a line: its words are parted by single blanks. */
const offered = (line: string) => complete(root, line.split(" "), (kind) => WORLD[kind] ?? [])

describe("a word is completed with", () => {
  test.each([
    ["", ["chaos", "exec", "export"]],
    ["ex", ["exec", "export"]],
    ["chaos ", ["inject", "revert"]],
    ["help cha", ["chaos"]],
    ["--", ["--help", "--version"]],
    ["chaos --", ["--help"]],
    ["par", []],
    ["nonsense ", []],
  ])("the commands of the tree, none of which is loaded: %j", async (line, found) => {
    expect(await offered(line)).toEqual(found)
  })

  test.each([
    ["chaos inject ", ["kv-1", "kv-2"]],
    ["chaos inject kv-2", ["kv-2"]],
    ["chaos inject kv-1 node", ["node_kill", "node_pause"]],
    ["chaos inject --json kv-1 no", ["none", "node_kill", "node_pause"]],
    ["chaos inject -n 3 kv-1 none", ["none"]],
    ["chaos inject kv-1 none ", []],
    ["exec kv-1 kv-2 ", ["kv-1", "kv-2"]],
  ])("what the argument in its place may be: %j", async (line, found) => {
    expect(await offered(line)).toEqual(found)
  })

  test.each([
    ["chaos inject --target ", ["one", "all"]],
    ["chaos inject -t a", ["all"]],
    ["chaos inject --style ", ["loud", "soft"]],
    ["chaos inject --times ", []],
    ["chaos inject --db ", []],
    ["chaos inject --target=o", ["--target=one"]],
    ["chaos inject --variant nobody --variant ", ["oracle"]],
    ["chaos inject --variant=nobody --variant=", ["--variant=oracle"]],
  ])("the values of the flag before it: %j", async (line, found) => {
    expect(await offered(line)).toEqual(found)
  })

  test("flags that may still be given, once it begins with a dash", async () => {
    const all = ["--target", "--variant", "--style", "--times", "--no-polite", "--db", "--json", "--debug", "--help"]
    expect(await offered("chaos inject --")).toEqual(all)
    expect(await offered("chaos inject -n 1 --no-polite --variant nobody --t")).toEqual(["--target"])
    expect(await offered("chaos inject --variant nobody --v")).toEqual(["--variant"])
    expect(await offered("chaos inject kv-1 --js")).toEqual(["--json"])
  })
})

test("after -- a word is an argument, or none of our business", async () => {
  expect(await offered("chaos inject -- ")).toEqual(["kv-1", "kv-2"])
  expect(await offered("chaos inject -- --")).toEqual([])
  expect(await offered("exec kv-1 -- ")).toEqual([])
  expect(await offered("exec kv-1 -- kv")).toEqual([])
})

test("where bash takes --flag=value for three words, the last of them is completed alone", async () => {
  expect(await offered("chaos inject --target =")).toEqual(["one", "all"])
  expect(await offered("chaos inject --target = o")).toEqual(["one"])
  expect(await offered("chaos inject --target = one k")).toEqual(["kv-1", "kv-2"])
})

test("the candidates may depend on what stands before", async () => {
  let asked: Given | undefined
  await complete(root, ["chaos", "inject", "--db=x.db", "-n", "2", "kv-1", "--no-polite", "--", "n"], (_, given) => {
    asked = given
    return []
  })
  expect(asked?.words).toEqual(["kv-1"])
  expect(Object.fromEntries(asked?.flags ?? [])).toEqual({ db: ["x.db"], times: ["2"], polite: [""] })
})
