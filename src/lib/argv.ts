import { parseArgs as assign, type ArgsDef } from "citty"
import { type ArgDef, type ArgDefs, isMultiple, positionalsOf, type RestDef, type Values } from "./args.ts"
import { parseDuration } from "./duration.ts"
import { messageOf, UsageError } from "./errors.ts"
import { type Given, sortTokens } from "./tokens.ts"

/**
 * Reads a command line strictly: throws a UsageError for an unknown or repeated flag, for a value that is missing, surplus
 * or of the wrong kind, and for a word too many or too few. Nothing is guessed, except the nearest valid name in the error.
 */
export function readArgv<A extends ArgDefs>(argv: readonly string[], defs: A, rest?: RestDef) {
  const given = sortTokens(argv, defs, rest !== undefined)
  checkWords(given, defs, rest)
  const texts = assignTexts(given, defs)
  const values: Record<string, unknown> = {}
  for (const [name, def] of Object.entries(defs)) values[name] = valueOf(name, def, texts[name])
  return { args: values as Values<A>, rest: given.rest }
}

// internal

function checkWords(given: Given, defs: ArgDefs, rest: RestDef | undefined): void {
  const positionals = positionalsOf(defs)
  const last = positionals.at(-1)
  const surplus = last && isMultiple(last[1]) ? undefined : given.words[positionals.length]
  if (surplus !== undefined) {
    throw new UsageError(`"${surplus}" is one word too many`, rest && { hint: `write ${rest.name} after "--"` })
  }
  if (rest && rest.required !== false && given.rest.length === 0) {
    throw new UsageError(`${rest.name} is missing`, { hint: `write it after "--"` })
  }
}

/** Citty gives each word its name, adds the defaults and asks for what is required. All that it sees has been checked. */
function assignTexts(given: Given, defs: ArgDefs): Record<string, unknown> {
  const flags = [...given.flags].map(([name, texts]) => {
    if (defs[name]?.type === "boolean") return texts[0] === "true" ? `--${name}` : `--no-${name}`
    return `--${name}=${texts[0]}`
  })
  let texts: Record<string, unknown>
  try {
    texts = assign([...flags, "--", ...given.words], cittyDefs(defs))
  } catch (error) {
    const message = Bun.stripANSI(messageOf(error))
    throw new UsageError(message.slice(0, 1).toLowerCase() + message.slice(1), { cause: error })
  }
  return { ...texts, ...lists(given, defs) }
}

function cittyDefs(defs: ArgDefs): ArgsDef {
  const known: ArgsDef = {}
  for (const [name, def] of Object.entries(defs)) {
    const required = def.required === undefined ? {} : { required: def.required }
    const text = def.default === undefined ? {} : { default: String(def.default) }
    if (def.type === "boolean") known[name] = { type: "boolean", default: def.default ?? false }
    else if (def.type === "positional") known[name] = { type: "positional", ...required, ...text }
    else known[name] = { type: "string", ...required, ...text }
  }
  return known
}

/** The arguments that may be repeated, which citty doesn't know. Those not given at all are left out. */
function lists(given: Given, defs: ArgDefs): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  const last = positionalsOf(defs).length - 1
  for (const [name, def] of Object.entries(defs)) {
    const texts = def.type === "positional" ? given.words.slice(last) : (given.flags.get(name) ?? [])
    if (isMultiple(def) && texts.length > 0) found[name] = texts
  }
  return found
}

function valueOf(name: string, def: ArgDef, text: unknown): unknown {
  if (isMultiple(def)) return typeof text === "string" ? [text] : (text ?? [])
  if (typeof text !== "string") return text
  if (def.type === "number") return toNumber(text, name, def)
  return def.type === "duration" ? toDuration(text, name) : text
}

function toNumber(text: string, name: string, def: { integer?: boolean; min?: number }): number {
  const number = Number(text)
  const kind = def.integer ? "a whole number" : "a number"
  if (!/^-?\d+(\.\d+)?$/.test(text) || (def.integer && !Number.isSafeInteger(number))) {
    throw new UsageError(`--${name} is ${kind}, not "${text}"`)
  }
  if (def.min !== undefined && number < def.min) throw new UsageError(`--${name} is at least ${def.min}, not ${text}`)
  return number
}

function toDuration(text: string, name: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    const hint = error instanceof UsageError && error.hint !== undefined ? { hint: error.hint } : {}
    throw new UsageError(`--${name}: ${messageOf(error)}`, { ...hint, cause: error })
  }
}
