import { expect, test } from "bun:test"
import { type Command, defineCommand, dispatch, type Root } from "./command.ts"
import { UsageError } from "./errors.ts"

const leaf = (command: Command, about = "a command") => ({ about, load: async () => ({ default: command }) })

/** A tree whose commands write down what they were called with. */
function recorder() {
  const calls: unknown[] = []
  const command = defineCommand({
    args: { lab: { type: "positional", required: false } },
    run: ({ args }) => void calls.push(args),
  })
  const root: Root = {
    name: "operator",
    about: "a fixture",
    commands: {
      labs: leaf(command),
      part: { ...leaf(command), hidden: true },
      tickets: { about: "a group", commands: { list: leaf(command), show: leaf(command) } },
    },
  }
  return { root, calls }
}

async function refusal(...argv: string[]): Promise<UsageError> {
  const { root, calls } = recorder()
  const ended: unknown = await dispatch(root, argv).catch((error: unknown) => error)
  expect(calls).toEqual([])
  if (ended instanceof UsageError) return ended
  throw new Error("was not refused", { cause: ended })
}

test("a command runs once, with its own arguments and the global flags", async () => {
  const { root, calls } = recorder()
  expect(await dispatch(root, ["tickets", "list", "etcd", "--json", "--db", "x.db"])).toBe(0)
  expect(calls).toEqual([{ lab: "etcd", db: "x.db", json: true, debug: false }])
})

test("a hidden command can be called", async () => {
  const { root, calls } = recorder()
  await dispatch(root, ["part"])
  expect(calls).toHaveLength(1)
})

test("the number that a command returns is the exit code", async () => {
  const command = defineCommand({ args: {}, run: () => 7 })
  expect(await dispatch({ name: "operator", about: "", commands: { exec: leaf(command) } }, ["exec"])).toBe(7)
})

test("arguments have the types of their definitions", async () => {
  const seen: [string, number, string | undefined, boolean][] = []
  const command = defineCommand({
    args: { lab: { type: "positional" }, wait: { type: "duration", default: "2s" } },
    run: ({ args }) => void seen.push([args.lab, args.wait, args.db, args.json]),
  })
  await dispatch({ name: "operator", about: "", commands: { up: leaf(command) } }, ["up", "etcd"])
  expect(seen).toEqual([["etcd", 2_000, undefined, false]])
})

test("an unknown word is refused with the nearest command", async () => {
  const error = await refusal("lbas")
  expect(error.message).toBe('unknown command "lbas" (did you mean "labs"?)')
  expect(error.hint).toBe("operator --help lists the commands")
})

test("an unknown word of a group is refused with the nearest of that group", async () => {
  const error = await refusal("tickets", "lst")
  expect(error.message).toBe('unknown command "tickets lst" (did you mean "list"?)')
  expect(error.hint).toBe("operator tickets --help lists the commands")
})

test("the beginning of a command is not the command", async () => {
  expect((await refusal("tick", "list")).message).toContain('did you mean "tickets"?')
})

test("a hidden command is never proposed", async () => {
  expect((await refusal("prt")).message).toBe('unknown command "prt"')
})

test("names that every object has are no commands", async () => {
  expect((await refusal("constructor")).message).toStartWith('unknown command "constructor"')
  expect((await refusal("__proto__")).message).toStartWith('unknown command "__proto__"')
})

test("a flag before the command is refused with what to do", async () => {
  expect((await refusal("--json", "labs")).message).toBe("--json comes after the command")
  expect((await refusal("--db=x", "labs")).message).toBe("--db comes after the command")
  expect((await refusal("--version", "labs")).message).toBe("--version stands alone")
  expect((await refusal("--verson")).message).toBe('unknown flag --verson (did you mean "--version"?)')
  expect((await refusal("tickets", "--all", "list")).message).toBe("unknown flag --all")
})

test("bad arguments are refused before anything runs, with where to read on", async () => {
  const error = await refusal("tickets", "list", "--jsn")
  expect(error.message).toBe('unknown flag --jsn (did you mean "--json"?)')
  expect(error.hint).toBe("operator tickets list --help shows how it is used")
})

test("help for a word that is no command is refused", async () => {
  expect((await refusal("help", "lbas")).message).toBe('unknown command "lbas" (did you mean "labs"?)')
})

test("a definition that contradicts itself or the global flags is a mistake in the program", () => {
  const run = () => undefined
  expect(() => defineCommand({ args: { json: { type: "string" } }, run })).toThrow('argument "json" is defined twice')
  expect(() => defineCommand({ args: { host: { type: "string", alias: "h" } }, run })).toThrow('"h" is defined twice')
  expect(() => defineCommand({ args: { "no-heal": { type: "boolean" } }, run })).toThrow("opposite")
  const optional = { type: "positional", required: false } as const
  expect(() => defineCommand({ args: { a: optional, b: { type: "positional" } }, run })).toThrow("may be left out")
  expect(() => defineCommand({ args: { a: { type: "positional", multiple: true }, b: optional }, run })).toThrow("last")
})
