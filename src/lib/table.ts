import { oneLine, type Paint, paint } from "./output.ts"

export interface Column<Row> {
  title: string
  /** What the cell says. Control characters in it are made visible, colours included: those come from `paint`. */
  value(row: Row): string | number | null | undefined
  align?: "left" | "right"
  /** May be cut short with "…" where the terminal is too narrow. */
  flexible?: boolean
  paint?(row: Row, colours: Paint): (text: string) => string
}

/** Prints a table on stdout: cut to a terminal's width, whole in a pipe. */
export function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
  const { stdout } = process
  // A terminal that does not know its width says 0.
  const width = stdout.isTTY ? stdout.columns || Infinity : Infinity
  process.stdout.write(renderTable(rows, columns, { width, colours: paint(stdout) }))
}

/** The table as text, a line a row under a line of titles. No line is wider than `width` as far as its flexible columns allow. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: { width: number; colours: Paint },
): string {
  const { colours } = options
  const cells = rows.map((row) => columns.map((column) => oneLine(String(column.value(row) ?? "")).trimEnd()))
  const titles = columns.map((column) => column.title)
  const widths = fit(naturalWidths([titles, ...cells]), columns, options.width)
  const line = (texts: string[], paintOf: (column: Column<Row>) => (text: string) => string) =>
    layOut(texts.map((text, i) => renderCell(text, widths[i]!, columns[i]!, paintOf(columns[i]!))))
  const body = cells.map((texts, i) => line(texts, (column) => column.paint?.(rows[i]!, colours) ?? plain))
  return [line(titles, () => colours.dim), ...body].map((text) => `${text}\n`).join("")
}

// internal

const GAP = "  "
/** Cells; a flexible column is not made narrower, since less of a name tells nothing. */
const MIN_FLEXIBLE_WIDTH = 8

const plain = (text: string) => text

interface Cell {
  text: string
  before: number
  after: number
}

function naturalWidths(lines: string[][]): number[] {
  return lines[0]!.map((_, i) => lines.reduce((widest, cells) => Math.max(widest, Bun.stringWidth(cells[i]!)), 0))
}

/** Takes from the widest flexible column, cell by cell, until the line fits or there is nothing left to take. */
function fit(natural: number[], columns: readonly Column<never>[], width: number): number[] {
  const widths = natural.map((cells, i) =>
    columns[i]!.flexible ? Math.min(cells, Math.max(width, MIN_FLEXIBLE_WIDTH)) : cells,
  )
  let surplus = widths.reduce((sum, cells) => sum + cells, GAP.length * (widths.length - 1)) - width
  for (; surplus > 0; surplus--) {
    const room = widths.map((cells, i) => (columns[i]!.flexible && cells > MIN_FLEXIBLE_WIDTH ? cells : 0))
    const widest = room.indexOf(Math.max(...room))
    if (!room[widest]) break
    widths[widest]!--
  }
  return widths
}

function renderCell(text: string, width: number, column: Column<never>, paintText: (text: string) => string): Cell {
  const cut = Bun.stringWidth(text) > width ? cutTo(text, width) : text
  const padding = width - Bun.stringWidth(cut)
  const [before, after] = column.align === "right" ? [padding, 0] : [0, padding]
  return { text: cut === "" ? "" : paintText(cut), before, after }
}

/** Bun.sliceAnsi lets a wide character stick out of the width by one cell (1.4.4), so the cut is made here. */
function cutTo(text: string, width: number): string {
  let cut = ""
  let room = width - Bun.stringWidth("…")
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    room -= Bun.stringWidth(segment)
    if (room < 0) break
    cut += segment
  }
  return `${cut.trimEnd()}…`
}

/** Joins a line's cells. Blanks are written only before something, so that no line ends with one. */
function layOut(cells: Cell[]): string {
  let line = ""
  let blanks = 0
  for (const [i, cell] of cells.entries()) {
    blanks += cell.before + (i > 0 ? GAP.length : 0)
    if (cell.text !== "") {
      line += " ".repeat(blanks) + cell.text
      blanks = 0
    }
    blanks += cell.after
  }
  return line
}
