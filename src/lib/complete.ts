import {
  type ArgDef,
  type ArgDefs,
  type CandidateKind,
  flagsOf,
  GLOBAL_ARGS,
  isMultiple,
  positionalsOf,
} from "./args.ts"
import type { Group, Leaf, Root } from "./command.ts"

/** What stands on the line before the word that is being completed. */
export interface Given {
  /** The values of each flag, by its name. */
  flags: Map<string, string[]>
  words: string[]
}

/** Names the candidates of one kind. Those that don't begin with `prefix` are dropped, so it need not look at it. */
export type Candidates = (kind: CandidateKind, given: Given, prefix: string) => string[] | Promise<string[]>

/**
 * What the last of `words` may become: subcommands, flags, or a flag's or an argument's values. `words` are those after the
 * program's name up to the cursor. Only the module of the command that they name is loaded.
 */
export async function complete(root: Root, words: readonly string[], candidates: Candidates): Promise<string[]> {
  const { before, prefix, hidden } = joined(words)
  let node: Group | Leaf = root
  while ("commands" in node) {
    const word = before.shift()
    if (word === undefined) return beginningWith(prefix, namesIn(node, node === root))
    if (word === "help" && node === root) continue
    const child: Group | Leaf | undefined = Object.hasOwn(node.commands, word) ? node.commands[word] : undefined
    if (!child) return []
    node = child
  }
  const { default: command } = await node.load()
  const defs = { ...command.args, ...GLOBAL_ARGS }
  const found = await atCursor(before, prefix, { defs, handsOn: command.rest !== undefined }, candidates)
  return beginningWith(prefix, found).map((candidate) => candidate.slice(hidden))
}

// internal

interface Line {
  before: string[]
  prefix: string
  /** As much of the prefix as the shell takes for a word of its own, and does not replace. */
  hidden: number
}

/** Bash takes `--flag=value` for three words. */
function joined(words: readonly string[]): Line {
  const line: string[] = []
  let hidden = 0
  for (const word of words) {
    const flag = line.at(-1) ?? ""
    const continues = word === "=" ? /^--[^=]+$/.test(flag) : /^--[^=]+=$/.test(flag)
    hidden = continues ? flag.length + (word === "=" ? 1 : 0) : 0
    if (continues) line[line.length - 1] = flag + word
    else line.push(word)
  }
  return { before: line.slice(0, -1), prefix: line.at(-1) ?? "", hidden }
}

function namesIn(group: Group, isRoot: boolean): string[] {
  const visible = Object.keys(group.commands).filter((name) => !group.commands[name]?.hidden)
  return [...visible, "--help", ...(isRoot ? ["--version"] : [])]
}

function beginningWith(prefix: string, candidates: readonly string[]): string[] {
  const offered = [...new Set(candidates)].filter((candidate) => candidate.startsWith(prefix))
  // Nobody who has typed nothing yet asks for a flag.
  return prefix === "" ? offered.filter((candidate) => !candidate.startsWith("-")) : offered
}

/** Candidates for the word at the cursor, of which some may not begin with `prefix`. */
async function atCursor(
  before: readonly string[],
  prefix: string,
  { defs, handsOn }: { defs: ArgDefs; handsOn: boolean },
  candidates: Candidates,
): Promise<string[]> {
  const { given, pending, after } = read(before, defs)
  if (after && handsOn) return []
  const values = async (name: string, text: string) => {
    const def = defs[name]
    const found = def ? await valuesOf(def, (kind) => candidates(kind, given, text)) : []
    return found.filter((value) => !given.flags.get(name)?.includes(value))
  }
  if (pending !== undefined) return values(pending, prefix)
  const [, name, text = ""] = after ? [] : (/^--([^=]+)=(.*)$/.exec(prefix) ?? [])
  if (name !== undefined) return (await values(name, text)).map((value) => `--${name}=${value}`)
  if (prefix.startsWith("-") && !after) return flagNames(defs, given)
  const positionals = positionalsOf(defs)
  const last = positionals.at(-1)
  const next = positionals[given.words.length] ?? (last && isMultiple(last[1]) ? last : undefined)
  return next ? values(next[0], prefix) : []
}

interface Read {
  given: Given
  /** The flag whose value comes next. */
  pending: string | undefined
  /** Whether `--` has been written. */
  after: boolean
}

/** Sorts the words before the cursor. Mistakes in them are not its business. */
function read(before: readonly string[], defs: ArgDefs): Read {
  const given: Given = { flags: new Map(), words: [] }
  let pending: string | undefined
  let after = false
  const add = (name: string, value: string) => given.flags.set(name, [...(given.flags.get(name) ?? []), value])
  for (const word of before) {
    const [, name, value] = (pending === undefined && !after && /^(--?[^-=][^=]*)(?:=(.*))?$/.exec(word)) || []
    if (pending !== undefined) {
      add(pending, word)
      pending = undefined
    } else if (word === "--" && !after) after = true
    else if (name === undefined) given.words.push(word)
    else {
      const flag = fullName(name, defs)
      if (value === undefined && takesValue(flag, defs)) pending = flag
      else add(flag, value ?? "")
    }
  }
  return { given, pending, after }
}

/** `--times` and `-n` are both "times"; `--no-polite` is "polite". */
function fullName(word: string, defs: ArgDefs): string {
  const name = word.replace(/^--?/, "")
  const known = flagsOf(defs).find(([long, def]) => long === name || def.alias === name || `no-${long}` === name)
  return known?.[0] ?? name
}

function takesValue(flag: string, defs: ArgDefs): boolean {
  const def = defs[flag]
  return def !== undefined && def.type !== "boolean" && def.type !== "positional"
}

function flagNames(defs: ArgDefs, given: Given): string[] {
  const left = flagsOf(defs).filter(([name, def]) => isMultiple(def) || !given.flags.has(name))
  const names = left.map(([name, def]) =>
    def.type === "boolean" && def.default === true ? `--no-${name}` : `--${name}`,
  )
  return [...names, "--help"]
}

async function valuesOf(def: ArgDef, ask: (kind: CandidateKind) => string[] | Promise<string[]>): Promise<string[]> {
  if (def.type === "enum") return [...def.options]
  return def.complete === undefined ? [] : ask(def.complete)
}
