import { isDeepStrictEqual } from "node:util"
import { isMap, parseDocument } from "yaml"
import { FileError } from "./file-error.ts"
import { openDocument } from "./yaml-document.ts"

/** A key of the top level with its value, as it is written in a file of the usual style, and between braces. */
export interface Appended {
  key: string
  block: string
  flow: string
}

/**
 * The text with one more key at its top level, after all others. What was there stays as it is, byte for byte, and means what it meant.
 * Throws a FileError where the key is there already, and where it cannot be added in this way.
 */
export function withKey(text: string, file: string, added: Appended): string {
  const document = openDocument(text, file)
  const { value } = document
  const refuse = (why: string, path: string[] = []) => document.error([{ path, text: why, at: "key" }])
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw refuse("holds no keys at its top level")
  if (added.key in value) throw refuse("is there already", [added.key])
  for (const candidate of candidates(text, added)) if (adds(candidate, file, added.key, value)) return candidate
  throw refuse(`${added.key} cannot be added to this file: write it by hand`)
}

// internal

/** The text with the key in one way or another; whether it means what it should is another question. */
function* candidates(text: string, { block, flow }: Appended): Generator<string> {
  const { contents } = parseDocument(text, { version: "1.2", merge: true })
  if (!isMap(contents)) return
  const [start, end] = contents.range!
  const newline = text.includes("\r\n") ? "\r\n" : "\n"
  const inserted = (at: number, what: string) => text.slice(0, at) + what.replaceAll("\n", newline) + text.slice(at)
  if (contents.flow) {
    const brace = end - 1
    const gap = text.slice(0, brace).trimEnd().length
    // Behind a comma, behind a value, and behind a comment.
    yield inserted(brace, `\n${flow}\n`)
    yield inserted(gap, `,\n${flow}`)
    yield inserted(brace, `\n,\n${flow}\n`)
    return
  }
  const closing = /^\.\.\.(?:\s|$)/m.exec(text.slice(end))
  const at = closing ? end + closing.index : text.length
  const margin = " ".repeat(start - (text.lastIndexOf("\n", start - 1) + 1))
  const lines = block.replace(/^(?=.)/gm, margin)
  const glue = at === 0 || text[at - 1] === "\n" ? "" : "\n"
  yield inserted(at, `${glue}\n${lines}`)
  // A blank line may belong to the text before it.
  yield inserted(at, `${glue}${lines}`)
}

function adds(candidate: string, file: string, key: string, before: object): boolean {
  try {
    const { [key]: added, ...others } = openDocument(candidate, file).value as Record<string, unknown>
    return added !== undefined && isDeepStrictEqual(others, before)
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}
