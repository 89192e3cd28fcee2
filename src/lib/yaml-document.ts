import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from "yaml"
import { messageOf } from "./errors.ts"
import { FileError } from "./file-error.ts"

/** What is wrong at a path of keys and indexes; about the last key itself, or about its value. */
export interface YamlProblem {
  path: readonly PropertyKey[]
  text: string
  at?: "key" | "value"
}

export interface YamlDocument {
  value: unknown
  /** An error that lists the problems in the order of their places: `file:line:column: path: text`, one a line. */
  error(problems: readonly YamlProblem[]): FileError
  /** The text with a key of the top level and its value blanked out, so that every other line stays where it is. */
  without(key: string): string
}

/** Parses one YAML document. Duplicate keys, unknown tags, several documents and aliases that lead nowhere are errors, and so is nothing at all. */
export function openDocument(text: string, file: string): YamlDocument {
  if (text.length > MAX_TEXT_CHARACTERS) throw atTheTop(file, `longer than ${MAX_TEXT_CHARACTERS} characters`)
  const lines = new LineCounter()
  const document = parseDocument(text, {
    version: "1.2",
    merge: true,
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
    lineCounter: lines,
  })
  const problems = [...document.errors, ...document.warnings].map(({ pos, code, message }) => ({
    offset: pos[0],
    text: PLAINER[code] ?? message,
  }))
  const unread = problems.length > 0 ? problems : referenceProblems(document)
  if (unread.length > 0) throw placedError(file, lines, unread)
  const value = toValue(file, document)
  if (value === null || value === undefined) throw atTheTop(file, "the file is empty")
  return {
    value,
    without: (key) => blanked(text, document, key),
    error: (found) =>
      placedError(
        file,
        lines,
        found.map(({ path, text, at }) => ({
          offset: offsetOf(document, path, at ?? "value"),
          text: path.length > 0 ? `${showPath(path)}: ${text}` : text,
        })),
      ),
  }
}

// internal

/** Files are written by people; more than this is a mistake, and parsing it takes seconds. */
const MAX_TEXT_CHARACTERS = 1_048_576
/** Aliases in a file, and nodes that they may multiply to: Compose files share blocks a few dozen times, "billion laughs" goes far beyond. */
const MAX_ALIAS_COUNT = 1_000
/** The parser's messages that speak to its caller instead of the file's author. */
const PLAINER: Partial<Record<ErrorCode, string>> = {
  DUPLICATE_KEY: "this key is given twice",
  MULTIPLE_DOCS: "a second document begins here",
  NON_STRING_KEY: "a key must be plain text",
  RESOURCE_EXHAUSTION: "nested too deeply",
}

interface PlacedProblem {
  offset: number
  text: string
}

/** For what is nowhere in particular. */
function atTheTop(file: string, text: string): FileError {
  return new FileError([{ file, line: 1, column: 1, text }])
}

function placedError(file: string, lines: LineCounter, problems: readonly PlacedProblem[]): FileError {
  const sorted = problems.toSorted((a, b) => a.offset - b.offset)
  return new FileError(
    sorted.map(({ offset, text }) => {
      const { line, col } = lines.linePos(offset)
      return { file, line: Math.max(1, line), column: Math.max(1, col), text }
    }),
  )
}

/** Aliases and merges that cannot be followed. The parser would find them only later, and without their places. */
function referenceProblems(document: Document): PlacedProblem[] {
  const problems: PlacedProblem[] = []
  let aliases = 0
  visit(document, {
    Alias: (_, alias, ancestors) => {
      const offset = startOf(alias) ?? 0
      aliases++
      if (aliases > MAX_ALIAS_COUNT) {
        problems.push({ offset, text: `more than ${MAX_ALIAS_COUNT} aliases` })
        return visit.BREAK
      }
      const source = alias.resolve(document)
      if (!source) problems.push({ offset, text: `*${alias.source} has no anchor before it` })
      else if (ancestors.includes(source)) problems.push({ offset, text: `*${alias.source} contains itself` })
      return undefined
    },
    Pair: (_, { key, value }) => {
      if (!isMergeKey(key) || mergeSources(value, document).every(isMap)) return
      problems.push({ offset: startOf(key) ?? 0, text: "<< merges maps, and nothing else" })
    },
  })
  return problems
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === "<<"
}

function mergeSources(value: unknown, document: Document): unknown[] {
  const source = isAlias(value) ? value.resolve(document) : value
  return isSeq(source) ? source.items.map((item) => (isAlias(item) ? item.resolve(document) : item)) : [source]
}

/** The only error left is an excess of aliases, which is nowhere in particular. */
function toValue(file: string, document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIAS_COUNT })
  } catch (error) {
    throw atTheTop(file, messageOf(error))
  }
}

function blanked(text: string, document: Document, key: string): string {
  const pair = isMap(document.contents)
    ? document.contents.items.find((item) => isScalar(item.key) && item.key.value === key)
    : undefined
  const start = startOf(pair?.key)
  if (start === undefined) return text
  const end = (pair?.value as Node | null)?.range?.[2] ?? text.length
  return text.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, " ") + text.slice(end)
}

/** Where the path leads; where it breaks off, the last key on it. */
function offsetOf(document: Document, path: readonly PropertyKey[], at: "key" | "value"): number {
  let node: unknown = document.contents
  let offset = document.contents?.range?.[0] ?? 0
  for (const [i, name] of path.entries()) {
    const step = stepInto(node, name, document)
    if (!step) return offset
    const isEnd = i === path.length - 1
    offset = startOf(isEnd && at === "value" ? step.value : step.key) ?? offset
    node = step.value
  }
  return offset
}

function stepInto(node: unknown, name: PropertyKey, document: Document): Pick<Pair, "key" | "value"> | undefined {
  const found = isAlias(node) ? node.resolve(document) : node
  if (isSeq(found)) {
    const item = found.items[Number(name)]
    return item === undefined ? undefined : { key: item, value: item }
  }
  if (!isMap(found)) return undefined
  const own = found.items.find(({ key }) => isScalar(key) && String(key.value) === String(name))
  return own ?? stepIntoMerged(found.items, name, document)
}

function stepIntoMerged(pairs: Pair[], name: PropertyKey, document: Document): Pick<Pair, "key" | "value"> | undefined {
  for (const { key, value } of pairs) {
    if (!isMergeKey(key)) continue
    for (const source of mergeSources(value, document)) {
      const step = stepInto(source, name, document)
      if (step) return step
    }
  }
  return undefined
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0]
}

/** `invariants[0].probe.http` */
function showPath(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "")
}
