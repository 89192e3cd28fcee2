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

/**
 * Reads the fenced block of a last message: the last one that is called `report`, else the last one that is no program. A line without
 * a known word goes on with the one before it.
 */
export function readReport(text: string): Report {
  const blocks = fencedBlocks(text)
  const named = blocks.findLast(({ language }) => language === "report")
  const block = (named ?? blocks.findLast(({ language }) => OTHER_NAMES.includes(language)))?.text ?? ""
  const report: Report = { cause: "", node: "", kind: "", ruled_out: "", changed: "" }
  let field: keyof Report | undefined
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":")
    const word = line.slice(0, colon).trim().toLowerCase().replaceAll(/[ -]/g, "_")
    const known = FIELDS.find((known) => known === word)
    field = known ?? field
    if (!field || report[field].length > MAX_FIELD_CHARS) continue
    report[field] = `${report[field]}\n${known ? line.slice(colon + 1) : line}`.trim()
  }
  for (const field of FIELDS) report[field] = report[field].slice(0, MAX_FIELD_CHARS) || NONE_GIVEN
  return report
}

// internal

const FIELDS = ["cause", "node", "kind", "ruled_out", "changed"] as const satisfies (keyof Report)[]

/** Models leave the word out, or take another. */
const OTHER_NAMES = ["", "text", "yaml", "yml"]

/** What stands between two fences. A fence that is never closed goes to the end. */
function fencedBlocks(text: string): { language: string; text: string }[] {
  const blocks: { language: string; text: string }[] = []
  let open: { language: string; text: string } | undefined
  for (const line of text.split(/\r?\n/)) {
    const text = line.trim()
    const language = text.startsWith("```") ? text.replace(/^`+/, "").trim().toLowerCase() : undefined
    if (open && language === "") open = undefined
    else if (open) open.text += `${line}\n`
    else if (language !== undefined) blocks.push((open = { language, text: "" }))
  }
  return blocks
}

/** It is for a table, not for an essay. */
const MAX_FIELD_CHARS = 2_000
