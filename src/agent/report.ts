/** What an agent's last message says it found, by the block at its end. Nothing but words: nobody is judged by it alone. */
export interface Report {
  cause: string
  node: string
  kind: string
  ruled_out: string
  changed: string
}

/** What stands where an agent said nothing. */
export const NONE_GIVEN = "none given"

/** Reads the fenced block of a last message, the last one where there are several. A line without a known word goes on with the one before it. */
export function readReport(text: string): Report {
  const block = [...text.matchAll(BLOCK)].at(-1)?.[1] ?? ""
  const report: Report = { cause: "", node: "", kind: "", ruled_out: "", changed: "" }
  let field: keyof Report | undefined
  for (const line of block.split("\n")) {
    const [, word, rest] = /^\s*([a-z][a-z _-]*?)\s*:\s*(.*)$/i.exec(line) ?? []
    const named = FIELDS.find((known) => known === word?.toLowerCase().replaceAll(/[ -]/g, "_"))
    field = named ?? field
    if (field) report[field] = `${report[field]}\n${named ? rest : line}`.trim()
  }
  for (const field of FIELDS) report[field] = report[field].slice(0, MAX_FIELD_CHARS) || NONE_GIVEN
  return report
}

// internal

const FIELDS = ["cause", "node", "kind", "ruled_out", "changed"] as const satisfies (keyof Report)[]

/** Also without the word: models leave it out. A fence that is never closed goes to the end. */
const BLOCK = /^[ \t]*```[ \t]*(?:report|ya?ml|text)?[ \t]*\r?\n([\s\S]*?)(?:^[ \t]*```|$(?![\s\S]))/gm

/** It is for a table, not for an essay. */
const MAX_FIELD_CHARS = 2_000
