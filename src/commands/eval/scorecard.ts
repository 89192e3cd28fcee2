import { print } from "../../lib/output.ts"
import { type Column, printTable } from "../../lib/table.ts"

/** A measure with what it is for each of the columns. */
export interface ScoreRow {
  measure: string
  values: readonly string[]
}

/** Prints measures below each other and what is compared side by side; what a terminal has no room for comes in a second table. */
export function printScorecard(titles: readonly string[], rows: readonly ScoreRow[]): void {
  const width = process.stdout.isTTY ? process.stdout.columns || Infinity : Infinity
  const measures = widest(["", ...rows.map(({ measure }) => measure)])
  const widths = titles.map((title, i) => GAP + widest([title, ...rows.map(({ values }) => values[i] ?? "")]))
  for (const [part, places] of partsOf(widths, width - measures).entries()) {
    if (part > 0) print("")
    const columns = places.map((place): Column<ScoreRow> => ({
      title: titles[place]!,
      value: ({ values }) => values[place],
      align: "right",
    }))
    printTable(rows, [{ title: "", value: ({ measure }) => measure }, ...columns])
  }
}

// internal

/** Cells between two columns of a table. */
const GAP = 2

const widest = (texts: readonly string[]) => Math.max(...texts.map((text) => Bun.stringWidth(text)))

/** As many columns as fit stand together, and at least one. */
function partsOf(widths: readonly number[], room: number): number[][] {
  const parts: number[][] = []
  let left = 0
  for (const [place, width] of widths.entries()) {
    if (parts.length === 0 || width > left) {
      parts.push([])
      left = room
    }
    parts.at(-1)!.push(place)
    left -= width
  }
  return parts
}
