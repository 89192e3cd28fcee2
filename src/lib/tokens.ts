import { parseArgs as tokenize } from "node:util"
import { type ArgDefs, type FlagDef, flagsOf, isMultiple } from "./args.ts"
import { UsageError } from "./errors.ts"
import { didYouMean } from "./nearest.ts"

/** A command line, sorted and checked, not yet converted. A boolean's text is "true" or "false". */
export interface Given {
  flags: Map<string, string[]>
  words: string[]
  /** What stood after `--`, where the command hands it on; elsewhere those are words like the others. */
  rest: string[]
}

/** Sorts a command line by its flags. Throws a UsageError for one that is unknown, repeated, or whose value doesn't fit. */
export function sortTokens(argv: readonly string[], defs: ArgDefs, keepRest: boolean): Given {
  const given: Given = { flags: new Map(), words: [], rest: [] }
  let after = false
  for (const token of tokensOf(argv, defs)) {
    if (token.kind === "option-terminator") after = keepRest
    else if (token.kind === "positional") (after ? given.rest : given.words).push(token.value)
    else addFlag(given.flags, token, defs)
  }
  return given
}

// internal

interface FlagToken {
  name: string
  rawName: string
  value?: string | undefined
  inlineValue?: boolean | undefined
}

function tokensOf(argv: readonly string[], defs: ArgDefs) {
  const options: Record<string, { type: "boolean" | "string"; short?: string }> = {}
  for (const [name, def] of flagsOf(defs)) {
    const type = def.type === "boolean" ? "boolean" : "string"
    options[name] = def.alias === undefined ? { type } : { type, short: def.alias }
  }
  // Not strict: the tokens are judged here, so that an error can name what was probably meant.
  return tokenize({ args: [...argv], options, strict: false, tokens: true, allowPositionals: true }).tokens
}

function addFlag(flags: Given["flags"], token: FlagToken, defs: ArgDefs): void {
  const negated = negatedBy(token.name, defs)
  const name = negated ?? token.name
  const def = flagsOf(defs).find(([known]) => known === name)?.[1]
  if (!def) throw unknownFlag(token.rawName, defs)
  const seen = flags.get(name) ?? []
  if (seen.length > 0 && !isMultiple(def)) throw new UsageError(`--${name} is given twice`)
  const text = def.type === "boolean" ? booleanText(token, negated === undefined) : valueText(token, name, def)
  flags.set(name, [...seen, text])
}

function unknownFlag(rawName: string, defs: ArgDefs): UsageError {
  const names = flagsOf(defs).flatMap(([name]) => [
    `--${name}`,
    ...(negatedBy(`no-${name}`, defs) ? [`--no-${name}`] : []),
  ])
  return new UsageError(
    `unknown flag ${rawName}${rawName.startsWith("--") ? didYouMean(rawName, ["--help", ...names]) : ""}`,
  )
}

/** The name in `--no-NAME`, for a boolean that is on by default. */
function negatedBy(flag: string, defs: ArgDefs): string | undefined {
  if (!flag.startsWith("no-")) return undefined
  const name = flag.slice("no-".length)
  return flagsOf(defs).some(([known, def]) => known === name && def.type === "boolean" && def.default)
    ? name
    : undefined
}

function booleanText(token: FlagToken, on: boolean): string {
  if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value, and got "${token.value}"`)
  return String(on)
}

function valueText(token: FlagToken, name: string, def: FlagDef): string {
  const { value } = token
  if (value === undefined || value === "") throw new UsageError(`--${name} needs a value`)
  if (token.inlineValue !== true && value.startsWith("-") && value !== "-") {
    throw new UsageError(`--${name} needs a value before ${value}`, { hint: `or write --${name}=${value}` })
  }
  if (def.type === "enum" && !def.options.includes(value)) {
    const known = def.options.join(", ")
    throw new UsageError(`--${name} is one of ${known}, not "${value}"${didYouMean(value, def.options)}`)
  }
  return value
}
