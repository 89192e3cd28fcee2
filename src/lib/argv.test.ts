import { describe, expect, test } from "bun:test"
import type { ArgDefs, RestDef, Values } from "./args.ts"
import { readArgv } from "./argv.ts"
import { UsageError } from "./errors.ts"

const DEFS = {
  lab: { type: "positional" },
  node: { type: "positional", required: false },
  reason: { type: "string", alias: "r" },
  format: { type: "enum", options: ["table", "tree"], default: "table" },
  repetitions: { type: "number", alias: "n", integer: true, min: 1, default: 1 },
  ratio: { type: "number" },
  wait: { type: "duration", default: "10s" },
  label: { type: "string", multiple: true },
  force: { type: "boolean", alias: "f" },
  "heal-after": { type: "boolean", default: true },
} as const satisfies ArgDefs

const read = (...argv: string[]) => readArgv(argv, DEFS).args

/** The error with which a command line is refused. */
function refusal(argv: string[], defs: ArgDefs = DEFS, rest?: RestDef): UsageError {
  try {
    throw new Error(`was read as ${JSON.stringify(readArgv(argv, defs, rest))}`)
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
}

describe("values", () => {
  test("are the defaults where nothing is given", () => {
    expect(read("etcd")).toEqual({
      lab: "etcd",
      node: undefined,
      reason: undefined,
      format: "table",
      repetitions: 1,
      ratio: undefined,
      wait: 10_000,
      label: [],
      force: false,
      "heal-after": true,
    })
  })

  test("are read from every form that a flag may have", () => {
    const argv = ["-n3", "--reason", "a b", "etcd", "--format=tree", "-f", "etcd0", "--wait", "1.5m", "--ratio=-0.5"]
    expect(read(...argv)).toMatchObject({
      lab: "etcd",
      node: "etcd0",
      reason: "a b",
      format: "tree",
      repetitions: 3,
      wait: 90_000,
      ratio: -0.5,
      force: true,
    })
    expect(read("-fr", "why", "etcd")).toMatchObject({ force: true, reason: "why" })
  })

  test("of a repeatable flag are a list in the order written", () => {
    expect(read("etcd", "--label", "b", "--label=a").label).toEqual(["b", "a"])
  })

  test("of a repeatable positional are all words that are left", () => {
    const defs = {
      lab: { type: "positional" },
      nodes: { type: "positional", multiple: true, required: false },
    } as const
    expect(readArgv(["etcd", "a", "b"], defs).args).toEqual({ lab: "etcd", nodes: ["a", "b"] })
    expect(readArgv(["etcd"], defs).args).toEqual({ lab: "etcd", nodes: [] })
  })

  test("of a repeatable argument may have a default", () => {
    const defs = { node: { type: "string", multiple: true, default: "all" } } as const
    expect(readArgv([], defs).args).toEqual({ node: ["all"] })
  })

  test("of a boolean that is on by default are turned off by --no-", () => {
    expect(read("etcd", "--no-heal-after")["heal-after"]).toBe(false)
    expect(refusal(["etcd", "--no-force"]).message).toStartWith("unknown flag --no-force")
  })

  test("may look like flags when they are joined by =", () => {
    expect(read("etcd", "--reason=--no-force", "--label=-x")).toMatchObject({
      reason: "--no-force",
      label: ["-x"],
      force: false,
    })
  })

  test("have the types of their definitions", () => {
    const values: Values<typeof DEFS> = read("etcd")
    const typed: [
      string,
      string | undefined,
      string | undefined,
      "table" | "tree",
      number,
      number | undefined,
      string[],
      boolean,
    ] = [values.lab, values.node, values.reason, values.format, values.wait, values.ratio, values.label, values.force]
    expect(typed).toHaveLength(8)
    // @ts-expect-error: a flag without a default may be missing
    const missing: string = values.reason
    expect(missing).toBeUndefined()
  })
})

describe("--", () => {
  const rest = { name: "COMMAND" }
  const defs = { lab: { type: "positional" }, force: { type: "boolean" } } as const

  test("hands on what follows, untouched", () => {
    const { args, rest: words } = readArgv(["etcd", "--", "sh", "-c", "--force", "--", "x"], defs, rest)
    expect(args).toEqual({ lab: "etcd", force: false })
    expect(words).toEqual(["sh", "-c", "--force", "--", "x"])
  })

  test("ends the flags of a command that hands nothing on", () => {
    expect(readArgv(["--", "--force"], defs)).toEqual({ args: { lab: "--force", force: false }, rest: [] })
  })

  test("is asked for when a command has nothing to hand on", () => {
    expect(refusal(["etcd"], defs, rest)).toMatchObject({ message: "COMMAND is missing", hint: 'write it after "--"' })
    expect(refusal(["etcd", "ls"], defs, rest)).toMatchObject({ hint: 'write COMMAND after "--"' })
    expect(readArgv(["etcd"], defs, { ...rest, required: false }).rest).toEqual([])
  })
})

describe("a command line is refused for", () => {
  test.each([
    ["an unknown flag, with the nearest", ["etcd", "--reson", "x"], 'unknown flag --reson (did you mean "--reason"?)'],
    ["an unknown flag with a value", ["etcd", "--bogus-thing=1"], "unknown flag --bogus-thing"],
    ["an unknown letter", ["etcd", "-fz"], "unknown flag -z"],
    ["a positional's name used as a flag", ["--lab", "etcd"], 'unknown flag --lab (did you mean "--label"?)'],
    ["a name that every object has", ["etcd", "--constructor"], "unknown flag --constructor"],
    ["a value that is missing at the end", ["etcd", "--reason"], "--reason needs a value"],
    ["a value that is empty", ["etcd", "--reason="], "--reason needs a value"],
    ["a flag where a value is wanted", ["etcd", "--reason", "--force"], "--reason needs a value before --force"],
    ["a value for a boolean", ["etcd", "--force=yes"], '--force takes no value, and got "yes"'],
    ["a flag given twice", ["etcd", "--wait", "1s", "--wait=2s"], "--wait is given twice"],
    ["a boolean given twice", ["etcd", "--force", "-f"], "--force is given twice"],
    ["a word too many", ["etcd", "etcd0", "etcd1"], '"etcd1" is one word too many'],
    ["a word too few", [], "missing required positional argument: LAB"],
    ["text as a number", ["etcd", "-n", "three"], '--repetitions is a whole number, not "three"'],
    ["a fraction as a whole number", ["etcd", "-n", "1.5"], '--repetitions is a whole number, not "1.5"'],
    ["a number that is too small", ["etcd", "-n", "0"], "--repetitions is at least 1, not 0"],
    ["a number in no plain form", ["etcd", "--ratio", "0x10"], '--ratio is a number, not "0x10"'],
    ["a duration without its unit", ["etcd", "--wait", "10"], '--wait: "10" is not a duration'],
    [
      "none of the words allowed",
      ["etcd", "--format", "tabel"],
      '--format is one of table, tree, not "tabel" (did you mean "table"?)',
    ],
  ])("%s", (_, argv, message) => {
    expect(refusal(argv).message).toBe(message)
  })

  test("a required flag that is missing", () => {
    expect(refusal([], { reason: { type: "string", required: true } }).message).toBe(
      "missing required argument: --reason",
    )
  })
})

test("a refused duration says how one is written", () => {
  expect(refusal(["etcd", "--wait", "10"]).hint).toContain("500ms")
})
