import type { Listed } from "../../lib/listing.ts"
import { note, printJson } from "../../lib/output.ts"
import { type Column, printTable } from "../../lib/table.ts"

export interface ListLayout<T> {
  /** What the JSON has of a file. */
  data(value: T): Record<string, unknown>
  /** Between the name and what the file says of itself. */
  columns: readonly Column<T>[]
  about(value: T): string
  /** Said below, to people. */
  next: string
}

/** Files by name: what each holds and where it comes from, or what is wrong with it. */
export function printList<T>(listed: readonly Listed<T>[], layout: ListLayout<T>, { json }: { json: boolean }): void {
  if (json) return printJson(listed.map((one) => record(one, layout)))
  const middle = layout.columns.map((column) => ofValue(column))
  printTable<Listed<T>>(listed, [
    { title: "NAME", value: ({ name }) => name, flexible: true },
    ...middle,
    { title: "FROM", value: whereFrom, flexible: true },
    {
      title: "ABOUT",
      value: (one) => (one.problem === undefined ? layout.about(one.value) : `broken: ${one.problem.split("\n")[0]}`),
      paint: ({ problem }, colours) => (problem === undefined ? (text) => text : colours.red),
      flexible: true,
    },
  ])
  note(layout.next)
}

// internal

function record<T>(one: Listed<T>, layout: ListLayout<T>): Record<string, unknown> {
  const { name, file, embedded, shadows } = one
  const about = one.problem === undefined ? { ...layout.data(one.value), problem: null } : { problem: one.problem }
  return { name, file: embedded ? null : file, built_in: embedded, shadows, ...about }
}

/** Nothing is known of what a broken file holds. */
function ofValue<T>({ title, value, align = "left", flexible = false }: Column<T>): Column<Listed<T>> {
  return { title, align, flexible, value: (one) => (one.problem === undefined ? value(one.value) : null) }
}

function whereFrom<T>({ file, embedded, shadows }: Listed<T>): string {
  const hidden = shadows.map((other) => (other === "built in" ? "the built-in one" : other))
  const where = embedded ? "built in" : file
  return hidden.length === 0 ? where : `${where}, before ${hidden.join(" and ")}`
}
