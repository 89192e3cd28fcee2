import { describe, expect, test } from "bun:test"
import { dirname, join, normalize } from "node:path"

/** The rules of the house that a machine can hold: who may import whom, how long a file may be, what no file may say. */
const ROOT = join(import.meta.dir, "..")

const MIDDLE = ["agent", "monitor", "chaos", "eval", "audit"]

/** Imports point down only. What a room may import beside itself. */
const BELOW: Record<string, readonly string[]> = {
  cli: ["commands", "commands/part", "lib"],
  commands: ["campaign", ...MIDDLE, "lab", "store", "lib"],
  "commands/part": ["commands", "campaign", ...MIDDLE, "lab", "store", "lib", "ratelimiter"],
  campaign: [...MIDDLE, "lab", "store", "lib"],
  ...Object.fromEntries(MIDDLE.map((room) => [room, ["lab", "store", "lib"]])),
  lab: ["store", "lib"],
  store: ["lib"],
  lib: [],
  ratelimiter: ["lib"],
}

/** Ways to load a module that a scan for imports does not see. */
const UNSEEN = {
  "a computed import": /\bimport\s*\(\s*(?!["'])/,
  require: /(?<![.\w])require\s*\(|\brequire\.resolve\b|\bimport\.meta\.require\b/,
  createRequire: /\bcreateRequire\b/,
  "a worker": /\bnew\s+Worker\b/,
}

const SRC_LINES = 200
const LOOP_LINES = 200

describe("the rooms", () => {
  test("import only what lies below them", async () => {
    const files = await filesIn("src/**/*.ts")
    expect(files.size).toBeGreaterThan(50)
    expect([...files].flatMap(([file, source]) => offences(file, source))).toEqual([])
  })

  test("are watched by a rule that can fail", () => {
    const offends = (file: string, source: string) => offences(file, source).length
    expect(offends("src/store/x.ts", 'import { a } from "../lab/lab.ts"')).toBe(1)
    expect(offends("src/agent/x.ts", 'import { a } from "../chaos/inject.ts"\na()')).toBe(1)
    expect(offends("src/agent/model/x.ts", 'import type { A } from "../../chaos/fault.ts"')).toBe(1)
    expect(offends("src/agent/x.ts", 'export type { A } from "../chaos/fault.ts"')).toBe(1)
    expect(offends("src/agent/x.ts", 'type A = import("../chaos/fault.ts").Fault')).toBe(1)
    expect(offends("src/agent/x.ts", 'export * from "../campaign/trial.ts"')).toBe(1)
    expect(offends("src/agent/x.ts", 'import "../commands/up.ts"')).toBe(1)
    expect(offends("src/lib/x.ts", 'const a = await import("../store/open.ts")')).toBe(1)
    expect(offends("src/lib/x.ts", 'const name = "../store/open.ts"\nconst a = await import(name)')).toBe(1)
    expect(offends("src/lib/x.ts", 'const a = import.meta.require("./ids.ts")')).toBe(1)
    expect(offends("src/lib/x.ts", 'const a = require("./ids.ts")')).toBe(1)
    expect(offends("src/lib/x.ts", 'new Worker("./ids.ts")')).toBe(1)
    expect(offends("src/ratelimiter/x.ts", 'import { a } from "../store/open.ts"\na()')).toBe(1)
    expect(offends("src/commands/x.ts", 'import { a } from "../ratelimiter/main.ts"\na()')).toBe(1)
    expect(offends("src/lab/x.ts", 'import { a } from "../../test/support/kv-lab.ts"\na()')).toBe(1)
    expect(offends("src/newroom/x.ts", "export const a = 1")).toBe(1)
  })

  test("may import what lies below them, and a test beside its source whatever it tests and the support for tests", () => {
    const down =
      'import type { A } from "../../store/open.ts"\nimport { b } from "./b.ts"\nimport { c } from "node:fs"\nb(c)'
    expect(offences("src/chaos/faults/x.ts", down)).toEqual([])
    expect(offences("src/commands/part/x.ts", 'import { a } from "../../ratelimiter/main.ts"\na()')).toEqual([])
    expect(offences("src/eval/x.ts", '// import(name) is what nobody may do\nexport const a = "../chaos/"')).toEqual([])
    const support = 'import { a } from "../../test/support/fake-clock.ts"\nimport { b } from "../chaos/inject.ts"\na(b)'
    expect(offences("src/eval/x.test.ts", support)).toEqual([])
    expect(offences("src/eval/x.test.ts", 'import { a } from "../../bench/all.ts"\na()')).toHaveLength(1)
  })
})

describe("a file", () => {
  test("of the sources is short, and the loop shorter", async () => {
    const sources = [...(await filesIn("src/**/*.{ts,sql,md}"))].filter(([file]) => !isTest(file))
    const long = sources.filter(([file, text]) => file.endsWith(".ts") && lines(text) > SRC_LINES).map(([file]) => file)
    expect(long).toEqual([])
    const loop = sources.find(([file]) => file === "src/agent/loop.ts")
    expect(lines(loop![1])).toBeLessThan(LOOP_LINES)
  })

  test("names no home of some machine, puts nothing off, and no test is left out", async () => {
    const files = await filesIn("{src,test,bench,compose,variants,campaigns}/**/*.{ts,sql,md,yaml,yml,json,sh}")
    for (const [file, text] of await filesIn("*.{md,json,toml,yaml}")) files.set(file, text)
    expect(files.size).toBeGreaterThan(50)
    const found = [...files].flatMap(([file, text]) => (file === THIS_FILE ? [] : unsaid(file, text)))
    expect(found).toEqual([])
  })

  test("that does is found", () => {
    const said = [
      "see /home/somebody/x",
      "/Users/me",
      "/root/x",
      "// TODO later",
      "FIXME",
      "test.skip(",
      "describe.only(",
    ]
    for (const text of said) expect(unsaid("x.ts", `const a = 1\n${text}\n`)).toHaveLength(1)
    expect(unsaid("x.ts", "GET /homepage, todo, a test that skips nothing\n")).toEqual([])
  })
})

// internal

const THIS_FILE = "test/house.test.ts"

const NEVER_SAID = /\/(home|root|Users)\/|\b(TODO|FIXME)\b|\b(test|it|describe)\.(skip|only|todo)\b/

const lines = (text: string) => text.trimEnd().split("\n").length
const isTest = (file: string) => file.endsWith(".test.ts")

async function filesIn(pattern: string): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const file of new Bun.Glob(pattern).scanSync(ROOT)) files.set(file, await Bun.file(join(ROOT, file)).text())
  return files
}

function unsaid(file: string, text: string): string[] {
  return text
    .split("\n")
    .flatMap((line, index) => (NEVER_SAID.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []))
}

/** What a source imports that it may not, and how it could import unseen. */
/** What is no code, and lies outside of `src`. */
const DATA = ["package.json", "Dockerfile"]

function offences(file: string, source: string): string[] {
  const code = source.replace(/^\s*(\/\/|\/?\*).*$/gm, "")
  const room = roomOf(file)
  const below = BELOW[room]
  if (!below) return [`${file}: there is no room "${room}"`]
  const unseen = Object.entries(UNSEEN).filter(([, pattern]) => !isTest(file) && pattern.test(code))
  const imported = relativeImports(file, source, code).filter((target) => {
    if (isTest(file)) return !/^(src|test\/support)\//.test(target)
    return !DATA.includes(target) && !(target.startsWith("src/") && [room, ...below].includes(roomOf(target)))
  })
  return [...unseen.map(([what]) => `${file}: ${what}`), ...imported.map((target) => `${file} imports ${target}`)]
}

/** Where all relative imports of a source lead. Those of types alone vanish when it is compiled, and are found by their text. */
function relativeImports(file: string, source: string, code: string): string[] {
  const seen = new Bun.Transpiler({ loader: "ts" }).scanImports(source).map(({ path }) => path)
  const types = [...code.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map((match) => match[1]!)
  const relative = [...new Set([...seen, ...types])].filter((path) => path.startsWith("."))
  return relative.map((path) => normalize(join(dirname(file), path)))
}

/** "src/commands/part/trial.ts" is in commands/part, "src/agent/model/model.ts" in agent, "src/cli.ts" is a room of its own. */
function roomOf(file: string): string {
  const [, room = "", folder] = file.split("/")
  if (room === "commands" && folder === "part") return "commands/part"
  return room.replace(/\.ts$/, "")
}
