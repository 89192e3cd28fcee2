import { oneLine, type Paint, paint } from "../../lib/output.ts"
import { type Column, renderTable } from "../../lib/table.ts"

export interface Grouped<Row> {
  /** Above each run of rows for which it is the same. */
  heading(row: Row): string
  /** The columns, from the most that can be said to the least that must be. */
  layouts: readonly (readonly Column<Row>[])[]
}

/** Prints rows in groups on stdout: as many columns as a terminal has room for, all of them in a pipe. */
export function printGroups<Row>(rows: readonly Row[], grouped: Grouped<Row>): void {
  const { stdout } = process
  const width = stdout.isTTY ? stdout.columns || Infinity : Infinity
  stdout.write(renderGroups(rows, grouped, { width, colours: paint(stdout) }))
}

/** The groups as text, under one line of titles. Of the layouts it is the first that fits; when none does, the last, cut. */
export function renderGroups<Row>(
  rows: readonly Row[],
  { heading, layouts }: Grouped<Row>,
  { width, colours }: { width: number; colours: Paint },
): string {
  const [titles, ...lines] = fitting(rows, layouts, width, colours)
  const shown = lines.flatMap((line, i) => {
    const above = heading(rows[i]!)
    return i > 0 && above === heading(rows[i - 1]!) ? [line] : [colours.bold(oneLine(above)), line]
  })
  return [titles, ...shown].map((line) => `${line}\n`).join("")
}

// internal

function fitting<Row>(rows: readonly Row[], layouts: Grouped<Row>["layouts"], width: number, colours: Paint): string[] {
  const linesOf = (columns: readonly Column<Row>[], width: number) =>
    renderTable(rows, columns.map(indented), { width, colours }).split("\n").slice(0, -1)
  for (const columns of layouts) {
    const lines = linesOf(columns, Infinity)
    if (lines.every((line) => Bun.stringWidth(line) <= width)) return lines
  }
  return linesOf(layouts.at(-1) ?? [], width)
}

/** The first column is set in a little, below its heading. */
function indented<Row>(column: Column<Row>, place: number): Column<Row> {
  if (place > 0) return column
  return { ...column, title: `  ${column.title}`, value: (row) => `  ${column.value(row) ?? ""}` }
}
