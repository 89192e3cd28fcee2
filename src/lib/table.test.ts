import { expect, test } from "bun:test"
import { join } from "node:path"
import { inTerminal } from "../../test/support/terminal.ts"
import { type Paint, paint } from "./output.ts"
import { type Column, renderTable } from "./table.ts"

interface Row {
  lab: string
  nodes: number | null
  about: string
}

const COLUMNS: Column<Row>[] = [
  { title: "LAB", value: (row) => row.lab },
  { title: "NODES", value: (row) => row.nodes, align: "right" },
  { title: "ABOUT", value: (row) => row.about, flexible: true },
]
const PLAIN = paint({ isTTY: false })
const MARKED: Paint = { ...PLAIN, red: (text) => `\x1b[31m${text}\x1b[39m` }

function lines(rows: Row[], width = Infinity, columns = COLUMNS, colours = PLAIN): string[] {
  return renderTable(rows, columns, { width, colours }).split("\n").slice(0, -1)
}

test("columns are aligned as they say, under their titles", () => {
  expect(
    lines([
      { lab: "etcd-7f3a", nodes: 3, about: "three" },
      { lab: "a", nodes: 12, about: "x y" },
    ]),
  ).toEqual(["LAB        NODES  ABOUT", "etcd-7f3a      3  three", "a             12  x y"])
})

test("no line ends with a blank", () => {
  const rows = [
    { lab: "etcd-7f3a", nodes: null, about: "" },
    { lab: "a", nodes: 1, about: "trailing   " },
  ]
  for (const line of lines(rows)) expect(line).toBe(line.trimEnd())
  expect(lines(rows)[1]).toBe("etcd-7f3a")
})

test("a table without rows is its titles", () => {
  expect(lines([])).toEqual(["LAB  NODES  ABOUT"])
})

test("wide and combining characters take the cells that a terminal gives them", () => {
  const rows = [
    { lab: "安宁", nodes: 1, about: "x" },
    { lab: "e\u0301e\u0301", nodes: 1, about: "x" },
    { lab: "abcd", nodes: 1, about: "x" },
  ]
  expect(
    lines(rows)
      .slice(1)
      .map((line) => Bun.stringWidth(line)),
  ).toEqual([14, 14, 14])
})

test("nothing is cut where there is no width to fit into", () => {
  expect(lines([{ lab: "a", nodes: 1, about: "x".repeat(5_000) }])[1]).toEndWith("x".repeat(5_000))
})

test("the flexible column is cut to fit, the others stay whole", () => {
  const [, line] = lines([{ lab: "etcd-7f3a", nodes: 3, about: "a very long story that does not fit" }], 40)
  expect(line).toBe("etcd-7f3a      3  a very long story tha…")
  expect(Bun.stringWidth(line!)).toBe(40)
})

test("of two flexible columns the wider one gives way", () => {
  const columns = COLUMNS.map((column) => ({ ...column, flexible: column.title !== "NODES" }))
  const [, line] = lines([{ lab: "etcd-7f3a", nodes: 3, about: "x".repeat(200) }], 40, columns)
  expect(line).toStartWith("etcd-7f3a ")
  expect(Bun.stringWidth(line!)).toBe(40)
})

test("a wide character is never cut in half, and no line is too wide for it", () => {
  for (let width = 26; width < 36; width++) {
    const [, line] = lines([{ lab: "etcd-7f3a", nodes: 3, about: "安宁哈哈".repeat(10) }], width)
    expect(Bun.stringWidth(line!)).toBeWithin(width - 2, width + 1)
  }
})

test("a flexible column keeps a few cells, however narrow the terminal is", () => {
  expect(lines([{ lab: "etcd-7f3a", nodes: 3, about: "a very long story" }], 5)[1]).toBe("etcd-7f3a      3  a very…")
})

test("colours change neither width nor cut", () => {
  const columns: Column<Row>[] = COLUMNS.map((column) => ({
    ...column,
    paint: (_: Row, colours: Paint) => colours.red,
  }))
  const rows = [
    { lab: "etcd-7f3a", nodes: 3, about: "a very long story that does not fit" },
    { lab: "b", nodes: 1, about: "" },
  ]
  const painted = lines(rows, 40, columns, MARKED)
  expect(painted[1]).toContain("\x1b[31m3\x1b[39m")
  expect(painted.map(Bun.stripANSI)).toEqual(lines(rows, 40))
})

test("a cell is one line of visible characters, whatever its data holds", () => {
  expect(lines([{ lab: "a\x1b[2J", nodes: 1, about: "one\ntwo" }])[1]).toBe("a\\x1b[2J      1  one\\ntwo")
})

test("printTable fits a terminal, and cuts nothing in a pipe", async () => {
  const table = JSON.stringify(join(import.meta.dir, "table.ts"))
  const column = '{ title: "ABOUT", value: (row) => row, flexible: true }'
  const command = [process.execPath, "-e", `(await import(${table})).printTable(["x".repeat(100)], [${column}])`]
  const env = { PATH: process.env.PATH ?? "", NO_COLOR: "1" }
  const piped = Bun.spawn(command, { env, stdout: "pipe" })
  expect(await piped.stdout.text()).toBe(`ABOUT\n${"x".repeat(100)}\n`)
  expect(await inTerminal(command, env)).toBe(`ABOUT\n${"x".repeat(39)}…\n`)
})
