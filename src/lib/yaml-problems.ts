import type { $ZodIssue, $ZodIssueInvalidUnion, $ZodType, $ZodTypes } from "zod/v4/core"
import { didYouMean } from "./nearest.ts"
import type { YamlProblem } from "./yaml-document.ts"

/** Zod's issues in words for people, each at its place: unknown and missing keys, wrong values, the nearest valid names. */
export function problemsOf(schema: $ZodType, value: unknown, issues: readonly $ZodIssue[]): YamlProblem[] {
  return issues.flatMap((issue) => problemsOfIssue(issue, [], { schema, value }))
}

// internal

/** Of a wrong value; enough to find it by. */
const MAX_SHOWN_CHARACTERS = 60

type Path = readonly PropertyKey[]

/** What the issues are about: the whole schema and the whole value. */
interface Checked {
  schema: $ZodType
  value: unknown
}

function problemsOfIssue(issue: $ZodIssue, parents: Path, checked: Checked): YamlProblem[] {
  const path = [...parents, ...issue.path]
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({ path: [...path, key], at: "key", text: unknownKey(key, path, checked) }))
    case "invalid_key":
      return [{ path, at: "key", text: issue.issues.map(shortMessage).join(", ") }]
    case "invalid_value":
      return [{ path, text: notOneOf(issue.values.map(String), path, checked) }]
    case "invalid_type":
      if (valueAt(path, checked.value) !== undefined) return [{ path, text: shortMessage(issue) }]
      return [{ path, text: `missing, expected ${issue.expected}` }]
    case "invalid_union":
      return problemsOfUnion(issue, path, checked)
    default:
      return [{ path, text: shortMessage(issue) }]
  }
}

/** Of a union's branches the one that was probably meant: the one which the value misses by least at its top. */
function problemsOfUnion(issue: $ZodIssueInvalidUnion, path: Path, checked: Checked): YamlProblem[] {
  const options: unknown[] = "options" in issue && Array.isArray(issue.options) ? issue.options : []
  if (issue.errors.length === 0) return [{ path, text: notOneOf(options.map(String), path, checked) }]
  const value = valueAt(path, checked.value)
  if (value === undefined) return [{ path, text: "missing" }]
  const scored = issue.errors.map((issues) => ({ issues, score: distance(issues, value) }))
  const least = Math.min(...scored.map(({ score }) => score))
  const meant = scored.filter(({ score }) => score === least).map(({ issues }) => issues)
  if (meant.length === 1) return meant[0]!.flatMap((inner) => problemsOfIssue(inner, path, checked))
  const unknown = meant[0]!.find((inner) => inner.code === "unrecognized_keys" && inner.path.length === 0)
  if (unknown) return problemsOfIssue(unknown, path, checked)
  return [{ path, text: eitherOf(meant, path, checked) }]
}

/** A branch of the wrong kind is further off than one that misses at its top, and that one than one that misses further down. */
function distance(issues: readonly $ZodIssue[], value: unknown): number {
  const wrongKind = issues.some(({ code, path }) => path.length === 0 && code.startsWith("invalid_"))
  const atTop = issues.filter((issue) => issue.path.length === 0 || missingKey(issue, value) !== undefined)
  return (wrongKind ? 1_000_000 : 0) + atTop.length * 1_000 + issues.length
}

function missingKey({ path }: $ZodIssue, value: unknown): PropertyKey | undefined {
  return path.length === 1 && valueAt(path, value) === undefined ? path[0] : undefined
}

/** What to say when no branch is nearer than the others. */
function eitherOf(branches: readonly (readonly $ZodIssue[])[], path: Path, checked: Checked): string {
  const value = valueAt(path, checked.value)
  const first = branches.flatMap((issues) => issues.slice(0, 1))
  const missing = first.flatMap((issue) => missingKey(issue, value) ?? [])
  if (missing.length === first.length) return `needs ${alternatives(missing.map(String))}`
  const kinds = first.flatMap((issue) =>
    issue.code === "invalid_type" && issue.path.length === 0 ? issue.expected : [],
  )
  const received = /, received .*$/.exec(first[0]!.message)?.[0] ?? ""
  if (kinds.length === first.length) return `expected ${alternatives(kinds)}${received}`
  return alternatives(first.map(shortMessage))
}

function alternatives(texts: readonly string[]): string {
  return [...new Set(texts)].join(" or ")
}

function unknownKey(key: string, path: Path, checked: Checked): string {
  return `unknown key${didYouMean(key, validKeys(checked.schema, path))}`
}

function notOneOf(valid: readonly string[], path: Path, checked: Checked): string {
  const value = valueAt(path, checked.value)
  if (value === undefined) return `missing, expected ${alternatives(valid)}`
  const shown = (JSON.stringify(value) ?? "").slice(0, MAX_SHOWN_CHARACTERS)
  return `expected ${alternatives(valid)}, not ${shown}${didYouMean(String(value), valid)}`
}

function shortMessage(issue: $ZodIssue): string {
  return issue.message.replace(/^Invalid input: /, "")
}

function valueAt(path: Path, value: unknown): unknown {
  let found = value
  for (const key of path)
    found = found === null || found === undefined ? undefined : (found as Record<PropertyKey, unknown>)[key]
  return found
}

/** The keys that the schema knows at a path, in all branches of its unions. */
function validKeys(schema: $ZodType, path: Path): string[] {
  const there = path.reduce(
    (schemas: $ZodTypes[], key) => schemas.flatMap((outer) => childrenOf(outer, key)),
    unwrap(schema),
  )
  return there.flatMap(({ _zod: { def } }) => (def.type === "object" ? Object.keys(def.shape) : []))
}

/** The schemas behind optional, default, lazy, unions and the like. */
function unwrap(schema: $ZodType): $ZodTypes[] {
  const known = schema as $ZodTypes
  const { def } = known._zod
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
    case "catch":
      return unwrap(def.innerType)
    case "lazy":
      return unwrap(def.getter())
    case "pipe":
      return [...unwrap(def.in), ...unwrap(def.out)]
    case "union":
      return def.options.flatMap(unwrap)
    case "intersection":
      return [...unwrap(def.left), ...unwrap(def.right)]
    default:
      return [known]
  }
}

function childrenOf(schema: $ZodTypes, key: PropertyKey): $ZodTypes[] {
  const { def } = schema._zod
  if (def.type === "object") {
    const child = Object.hasOwn(def.shape, key) ? def.shape[String(key)] : def.catchall
    return child ? unwrap(child) : []
  }
  if (def.type === "record") return unwrap(def.valueType)
  if (def.type === "array") return unwrap(def.element)
  const item = def.type === "tuple" ? (def.items[Number(key)] ?? def.rest) : undefined
  return item ? unwrap(item) : []
}
