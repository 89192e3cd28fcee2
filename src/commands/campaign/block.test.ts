import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { EventEmitter } from "node:events"
import { join } from "node:path"
import { type Screen, screen } from "../../../test/support/screen.ts"
import { waitUntil } from "../../lib/clock.ts"
import { identify, stateOf } from "../../lib/process.ts"
import { type Block, canDraw, openBlock } from "./block.ts"

/** A terminal that shows what is written to it. */
class Terminal extends EventEmitter {
  readonly shown: Screen
  readonly writes: string[] = []
  columns: number
  rows: number
  constructor(columns: number, rows: number) {
    super()
    this.columns = columns
    this.rows = rows
    this.shown = screen(columns)
  }
  write(text: string): boolean {
    this.writes.push(text)
    this.shown.write(text)
    return true
  }
  resize(columns: number): void {
    this.columns = columns
    this.shown.resize(columns)
    this.emit("resize")
  }
}

let terminal: Terminal
let lines: string[]
let block: Block
let draws: number

beforeEach(() => {
  terminal = new Terminal(20, 6)
  lines = ["one", "two"]
  draws = 0
  block = openBlock(terminal, () => {
    draws += 1
    return lines
  })
})
afterEach(() => block.close())

const shows = async (...rows: string[]) => {
  const same = () => JSON.stringify(terminal.shown.rows()) === JSON.stringify(rows)
  await waitUntil(same, { timeout_ms: 5_000, every_ms: 5 })
  expect(terminal.shown.rows()).toEqual(rows)
}
const drawnAgain = async () => {
  const until = draws + 2
  expect(await waitUntil(() => draws >= until, { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
}

describe("a block", () => {
  test("is drawn anew in its place, whether it grew, shrank or changed", async () => {
    await shows("one", "two", "")
    for (const next of [["three", "two"], ["a", "b", "c"], ["a"], ["longer than before"]]) {
      lines = next
      await shows(...next, "")
    }
  })

  test("has above it what was printed, in order, and stays below", async () => {
    await shows("one", "two", "")
    block.print("first")
    block.print("second, which is longer than a row")
    await shows("first", "second, which is lon", "ger than a row", "one", "two", "")
    lines = ["three"]
    block.print("third")
    await shows("first", "second, which is lon", "ger than a row", "third", "three", "")
  })

  test("that was closed leaves what was printed, and the cursor below it", async () => {
    await shows("one", "two", "")
    block.print("first")
    block.close()
    expect(terminal.shown.rows()).toEqual(["first", ""])
    terminal.write("the shell's prompt")
    expect(terminal.shown.rows()).toEqual(["first", "the shell's prompt"])
    expect(terminal.listenerCount("resize")).toBe(0)
  })

  test("is written once for each change, and not at all without one", async () => {
    await shows("one", "two", "")
    await drawnAgain()
    expect(terminal.writes).toHaveLength(1)
    lines = ["changed"]
    block.print("above")
    await shows("above", "changed", "")
    await drawnAgain()
    expect(terminal.writes).toHaveLength(2)
  })

  test("leaves nothing of itself when the terminal becomes narrower or wider", async () => {
    lines = ["fifteen letters", "two"]
    await shows("fifteen letters", "two", "")
    terminal.resize(9)
    await shows("fifteen", "two", "")
    terminal.resize(40)
    await shows("fifteen letters", "two", "")
  })

  test("never takes the last column nor the last row", async () => {
    lines = Array.from({ length: 9 }, (_, i) => `${i}${"x".repeat(30)}`)
    await shows(...lines.slice(0, 5).map((line) => line.slice(0, 19)), "")
  })

  test("moves nothing but the cursor, erases line by line, and hides nothing that a kill would leave hidden", async () => {
    await shows("one", "two", "")
    block.print("above")
    await shows("above", "one", "two", "")
    const sequences = terminal.writes.join("").match(/\x1b\[[^A-Za-z]*[A-Za-z]/g) ?? []
    expect([...new Set(sequences)].sort()).toEqual(["\x1b[2K", "\x1b[A", "\x1b[J", "\x1b[K"])
  })
})

test("a process that is stopped takes its block away, and draws it again below what was written meanwhile", async () => {
  const shown = screen(40)
  const file = JSON.stringify(join(import.meta.dir, "block.ts"))
  const child = Bun.spawn(
    [
      process.execPath,
      "-e",
      `(await import(${file})).openBlock(process.stderr, () => ["the block"]); setInterval(() => {}, 1_000)`,
    ],
    { terminal: { cols: 40, rows: 10, data: (_, bytes) => shown.write(Buffer.from(bytes).toString()) } },
  )
  try {
    const until = (rows: string[]) =>
      waitUntil(() => JSON.stringify(shown.rows()) === JSON.stringify(rows), { timeout_ms: 10_000, every_ms: 5 })
    expect(await until(["the block", ""])).toBe(true)
    const id = identify(child.pid)!
    child.kill("SIGTSTP")
    const stopped = () => stateOf(id) === "stopped"
    expect(await waitUntil(stopped, { timeout_ms: 10_000, every_ms: 5 })).toBe(true)
    expect(await until([""])).toBe(true)
    shown.write("the shell\n")
    child.kill("SIGCONT")
    expect(await until(["the shell", "the block", ""])).toBe(true)
  } finally {
    child.kill("SIGKILL")
    await child.exited
  }
})

test("a terminal that does not know its size is taken for a usual one", async () => {
  const unknown = new Terminal(0, 0)
  const sizes: unknown[] = []
  const opened = openBlock(unknown, (size) => {
    sizes.push(size)
    return []
  })
  expect(await waitUntil(() => sizes.length > 0, { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
  opened.close()
  expect(sizes[0]).toEqual({ width: 80, height: 24 })
})

test("a block can be drawn on a terminal that is not a dumb one", () => {
  const { TERM } = process.env
  try {
    process.env.TERM = "xterm"
    expect([canDraw({ isTTY: true }), canDraw({ isTTY: false }), canDraw({})]).toEqual([true, false, false])
    process.env.TERM = "dumb"
    expect(canDraw({ isTTY: true })).toBe(false)
  } finally {
    if (TERM === undefined) delete process.env.TERM
    else process.env.TERM = TERM
  }
})
