import { afterEach, expect, test } from "bun:test"
import { join } from "node:path"
import { inTerminal } from "../../test/support/terminal.ts"
import { ago, oneLine, paint, safeText, showTime } from "./output.ts"

const { NO_COLOR, TERM } = process.env
afterEach(() => {
  for (const [name, value] of Object.entries({ NO_COLOR, TERM })) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

const OUTPUT = JSON.stringify(join(import.meta.dir, "output.ts"))

/** What a program that imports output.ts prints: on a terminal both streams together, else each of its own. */
async function run(code: string, where: "terminal" | "pipes") {
  const command = [process.execPath, "-e", `const { print, note, printJson, paint } = await import(${OUTPUT})\n${code}`]
  const env = { PATH: process.env.PATH ?? "", TERM: "xterm" }
  if (where === "pipes") {
    const child = Bun.spawn(command, { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
    return { stdout, stderr }
  }
  return { stdout: await inTerminal(command, env), stderr: "" }
}

test("data goes to stdout and notes go to stderr", async () => {
  const ended = await run('print("data"); note("note")', "pipes")
  expect(ended).toEqual({ stdout: "data\n", stderr: "note\n" })
})

test("a pipe gets text as it is, a terminal sees escape sequences in visible form", async () => {
  const code = 'print("a\\x1b]0;title\\x07b"); note("c\\x1b[2Jd")'
  expect(await run(code, "pipes")).toMatchObject({ stdout: "a\x1b]0;title\x07b\n", stderr: "c\x1b[2Jd\n" })
  expect((await run(code, "terminal")).stdout).toBe("a\\x1b]0;title\\x07b\nc\\x1b[2Jd\n")
})

test("a terminal gets colours, a pipe gets none", async () => {
  const code = "print(paint(process.stdout).red('down'))"
  expect((await run(code, "terminal")).stdout).toBe("\x1b[31mdown\x1b[39m\n")
  expect((await run(code, "pipes")).stdout).toBe("down\n")
})

test("NO_COLOR and a dumb terminal turn colours off, an empty NO_COLOR does not", () => {
  const terminal = { isTTY: true } as const
  delete process.env.NO_COLOR
  process.env.TERM = "xterm"
  expect(paint(terminal).bold("x")).toBe("\x1b[1mx\x1b[22m")
  process.env.NO_COLOR = ""
  expect(paint(terminal).bold("x")).toBe("\x1b[1mx\x1b[22m")
  process.env.NO_COLOR = "1"
  expect(paint(terminal).bold("x")).toBe("x")
  delete process.env.NO_COLOR
  process.env.TERM = "dumb"
  expect(paint(terminal).bold("x")).toBe("x")
})

test("JSON comes back as it went in, and holds no control character", async () => {
  const value = { text: "\x1b[31m\x9b5n\u007f\u2028\u202e", list: [1, null], nested: { ok: true } }
  const { stdout } = await run(`printJson(${JSON.stringify(value)})`, "pipes")
  expect(JSON.parse(stdout)).toEqual(value)
  expect(stdout).not.toMatch(/[^\n\x20-\x7e]/)
})

test("JSON of nothing is null", async () => {
  expect((await run("printJson(undefined)", "pipes")).stdout).toBe("null\n")
})

test("safeText shows what could drive a terminal and keeps what is text", () => {
  expect(safeText("\x1b[31mred\x1b[0m")).toBe("\\x1b[31mred\\x1b[0m")
  expect(safeText("\x9b2J\x00\x07\x7f")).toBe("\\x9b2J\\x00\\x07\\x7f")
  expect(safeText("10%\r20%")).toBe("10%\\r20%")
  expect(safeText("one\r\ntwo\n\tthree")).toBe("one\ntwo\n\tthree")
  expect(safeText("user\u202etxt.exe")).toBe("user\\u202etxt.exe")
  expect(safeText("\ud800")).toBe("\ufffd")
  expect(safeText("żółw 安宁 👩‍👩‍👧‍👦 e\u0301 עברית")).toBe("żółw 安宁 👩‍👩‍👧‍👦 e\u0301 עברית")
})

test("oneLine keeps text on its line", () => {
  expect(oneLine("a\nb\tc\r\nd")).toBe("a\\nb c\\nd")
})

test("a time is shown in UTC to the millisecond", () => {
  expect(showTime("2026-01-28T20:54:48.123Z")).toBe("20:54:48.123")
  expect(showTime("2026-01-28T22:54:48.1+02:00")).toBe("20:54:48.100")
})

test("ago is told in the greatest unit that fits", () => {
  const now = new Date("2026-01-28T20:00:00.000Z")
  const told = (seconds: number) => ago(new Date(now.getTime() - seconds * 1_000).toISOString(), now)
  expect([0.2, 12, 59, 60, 3_599, 3_600, 86_399, 200_000].map(told)).toEqual([
    "0 s ago",
    "12 s ago",
    "59 s ago",
    "1 m ago",
    "59 m ago",
    "1 h ago",
    "23 h ago",
    "2 d ago",
  ])
  expect(told(-5)).toBe("0 s ago")
})
