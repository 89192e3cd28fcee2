import { Database } from "bun:sqlite"
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { planInjection } from "../src/store/plan-injection.ts"
import { openStore } from "../src/store/open.ts"
import { openTicket } from "../src/store/tickets.ts"
import { everything } from "./support/look.ts"
import { type Home, makeHome } from "./support/operator.ts"
import { CAMPAIGN } from "./support/refusal.ts"
import { fillLog, recordLab } from "./support/stored-lab.ts"

/** Each test starts processes, and the machine may have other things to do. */
setDefaultTimeout(60_000)

let home: Home
/** A folder that holds the store and nothing else. */
let dir: string
let file: string
let ticket: string

beforeEach(() => {
  home = makeHome()
  dir = join(home.dir, "store")
  file = join(dir, "operator.db")
  mkdirSync(dir)
  home.env.OPERATOR_DB = file
})

afterEach(() => home.remove())

/** A store in which there is one of everything that commands list. */
function fillStore(): void {
  const store = openStore(file)
  const lab = recordLab(store, "kv-1a2b")
  fillLog(store, lab)
  const seen = { invariant: "health", node: "a", kind: "violated", role: "gate", severity: "critical" } as const
  ticket = openTicket(store, { lab, ...seen, observation: { status: 500 } })
  planInjection(store, { id: "i-1", lab, fault: "node_kill", targets: ["a"], params: {}, plan: { nodes: [] } })
  store.close()
}

/** Commands for which there must be a store, and those that make one. */
const NEEDS_ONE = [
  ["labs"],
  ["logs", "kv-1a2b"],
  ["exec", "kv-1a2b", "--", "true"],
  ["audit", "list"],
  ["audit", "show", "last"],
  ["tickets", "list"],
  ["tickets", "show", "t-1"],
  ["chaos", "status"],
  ["monitor", "kv-1a2b"],
  ["down", "--all"],
  ["chaos", "inject", "kv-1a2b", "node_kill"],
  ["chaos", "revert", "--all"],
  ["chaos", "sweep"],
  ["tickets", "hold", "t-1", "--reason", "x"],
  ["tickets", "release", "t-1"],
  ["tickets", "close", "t-1", "--reason", "x"],
]
const MAKES_ONE = [["up", "ratelimiter"], CAMPAIGN]

/** Runs each command, which must end with the code and the first line, and with nothing on stdout. */
async function eachSays(commands: string[][], exit_code: number, line: string): Promise<void> {
  for (const words of commands) {
    const { stdout, stderr, ...ended } = await home.run(...words)
    expect({ words, stdout, stderr, ...ended }).toEqual({
      words,
      exit_code,
      stdout: "",
      stderr: expect.stringContaining("\n  → "),
    })
    expect(stderr.split("\n")[0]).toBe(`operator: ${line}`)
    expect(stderr).not.toMatch(/^\s+at |--debug/m)
  }
}

describe("every command says that", () => {
  test("there is no store, and makes none", async () => {
    await eachSays(NEEDS_ONE, 2, `there is no store at ${file}`)
    expect(readdirSync(dir)).toEqual([])
  })

  test("nothing was ever started, where no store is named", async () => {
    delete home.env.OPERATOR_DB
    home.env.HOME = dir
    for (const words of [["labs"], ["audit", "list"], ["eval", "list"], ["tickets", "list"], ["chaos", "status"]]) {
      const { stdout, exit_code } = await home.run(...words, "--json")
      expect({ words, json: JSON.parse(stdout), exit_code }).toEqual({ words, json: [], exit_code: 0 })
    }
    expect(await home.run("labs")).toMatchObject({
      stderr: "no lab is up; operator up SUBJECT makes one\n",
      exit_code: 0,
    })
    expect(readdirSync(dir)).not.toContain(".operator")
  })

  test("the file is another program's, and leaves it alone", async () => {
    using other = new Database(file, { create: true })
    other.run("create table notes (text); insert into notes values ('mine')")
    const before = everything(dir)
    await eachSays([...NEEDS_ONE, ...MAKES_ONE], 2, `${file} is not an Operator store`)
    expect(everything(dir)).toEqual(before)
  })

  test("a part of the path is a file", async () => {
    writeFileSync(join(dir, "plain"), "mine")
    home.env.OPERATOR_DB = join(dir, "plain", "operator.db")
    await eachSays([...NEEDS_ONE, ...MAKES_ONE], 4, `a part of the path is no folder: ${home.env.OPERATOR_DB}`)
    expect(readFileSync(join(dir, "plain"), "utf8")).toBe("mine")
  })

  test("the store is damaged, where that shows", async () => {
    fillStore()
    const bytes = readFileSync(file)
    writeFileSync(file, Buffer.concat([bytes.subarray(0, 4_096), bytes.subarray(4_096).fill(0x5a)]))
    await eachSays(
      [["audit", "list"], ["labs"], ["tickets", "list"], ["chaos", "status"]],
      4,
      "the store is damaged: database disk image is malformed",
    )
  })
})

test("a lab whose subject an earlier operator understood does not hide the others, and can be taken down", async () => {
  fillStore()
  const store = openStore(file)
  recordLab(store, "old-1", null, "services: {a: {}}\nx-operator: {was: valid}\n")
  store.close()
  const { stdout, stderr, exit_code } = await home.run("labs", "--json")
  expect({ stderr, exit_code }).toEqual({ stderr: "old-1: kv.yaml:2:14: x-operator.was: unknown key\n", exit_code: 0 })
  expect((JSON.parse(stdout) as { lab: string }[]).map(({ lab }) => lab)).toEqual(["kv-1a2b", "old-1"])
  expect(await home.run("down", "--all", "--json")).toMatchObject({ stderr: "", exit_code: 0 })
  expect(await home.run("labs", "--json")).toEqual({ stdout: "[]\n", stderr: "", exit_code: 0 })
})

describe("--json of", () => {
  const LISTS = [
    ["labs"],
    ["audit", "list"],
    ["tickets", "list"],
    ["tickets", "list", "--all"],
    ["chaos", "list"],
    ["chaos", "status"],
  ]

  test("each list is JSON on stdout, and nothing on stderr", async () => {
    fillStore()
    const more = [
      ["audit", "show", "last"],
      ["tickets", "show", ticket],
      ["logs", "kv-1a2b"],
      ["tickets", "list", "kv-1a2b"],
    ]
    for (const words of [...LISTS, ...more]) {
      const { stdout, stderr, exit_code } = await home.run(...words, "--json")
      expect({ words, stderr, exit_code }).toEqual({ words, stderr: "", exit_code: 0 })
      expect(typeof JSON.parse(stdout)).toBe("object")
    }
  })

  test("each list is an empty list in a store that has nothing yet", async () => {
    openStore(file).close()
    for (const words of LISTS.filter(([room, verb]) => room !== "chaos" || verb !== "list")) {
      expect({ words, ...(await home.run(...words, "--json")) }).toEqual({
        words,
        stdout: "[]\n",
        stderr: "",
        exit_code: 0,
      })
    }
    expect(await home.run("audit", "show", "last")).toMatchObject({ stdout: "", exit_code: 2 })
  })
})
