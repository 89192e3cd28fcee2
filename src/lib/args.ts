/** What a shell's completion offers for an argument. Files are offered wherever nothing else is. */
export type CandidateKind =
  | "campaign"
  | "subject"
  | "fault"
  | "target"
  | "variant"
  | "lab"
  | "node"
  | "ticket"
  | "injection"
  | "log"
  | "result"
  | "campaign-id"
  | "side"

interface Described {
  description?: string
  complete?: CandidateKind
  /** A positional is required unless this is false or it has a default; a flag only when this is true. */
  required?: boolean
}

interface Flag extends Described {
  /** One letter, for `-x`. */
  alias?: string
  /** What stands for the value in the usage: FILE in `--db FILE`. */
  valueHint?: string
}

/** One argument of a command. A duration's value is in milliseconds; a `multiple` one is a list, in the order written. */
export type ArgDef = PositionalDef | FlagDef

export type PositionalDef = Described & { type: "positional"; default?: string; multiple?: boolean }

export type FlagDef =
  | (Flag & { type: "boolean"; default?: boolean })
  | (Flag & { type: "string"; default?: string; multiple?: boolean })
  | (Flag & { type: "enum"; options: readonly string[]; default?: string; multiple?: boolean })
  | (Flag & { type: "number"; default?: number; integer?: boolean; min?: number })
  | (Flag & { type: "duration"; default?: string })

export type ArgDefs = Record<string, ArgDef>

/** What stands after `--`, for a command that hands it on as it is. */
export interface RestDef extends Described {
  name: string
}

/** The flags that every command takes. `--help` is dealt with before a command's arguments are read. */
export const GLOBAL_ARGS = {
  db: { type: "string", valueHint: "FILE", description: "the store (else OPERATOR_DB, else ~/.operator/operator.db)" },
  json: { type: "boolean", description: "print JSON" },
  debug: { type: "boolean", description: "print the stack trace of an error" },
} as const satisfies ArgDefs

/** The values of the arguments `A`, under the same names. */
export type Values<A> = { [K in keyof A]: Value<A[K]> }

export function flagsOf(defs: ArgDefs): [string, FlagDef][] {
  return Object.entries(defs).filter((entry): entry is [string, FlagDef] => entry[1].type !== "positional")
}

/** The positionals, in the order in which words are given to them. */
export function positionalsOf(defs: ArgDefs): [string, PositionalDef][] {
  return Object.entries(defs).filter((entry): entry is [string, PositionalDef] => entry[1].type === "positional")
}

export function isMultiple(def: ArgDef): boolean {
  return "multiple" in def && def.multiple === true
}

/** Whether a command line without it is refused. */
export function isRequired(def: ArgDef): boolean {
  return def.default === undefined && (def.type === "positional" ? def.required !== false : def.required === true)
}

/** Throws when a command's definitions contradict each other or the global ones, which is a mistake in the program and not of its user. */
export function assertDefs(defs: ArgDefs): void {
  const taken = new Set(["help", "h", ...Object.keys(GLOBAL_ARGS)])
  for (const [name, def] of Object.entries(defs)) {
    if (name.startsWith("no-")) throw new Error(`"--${name}" would be read as the opposite of another flag`)
    for (const key of "alias" in def && def.alias !== undefined ? [name, def.alias] : [name]) {
      if (taken.has(key)) throw new Error(`argument "${key}" is defined twice`)
      taken.add(key)
    }
  }
  for (const [i, [name, def]] of positionalsOf(defs).slice(0, -1).entries()) {
    const next = positionalsOf(defs)[i + 1]![1]
    if (isMultiple(def)) throw new Error(`"${name}" takes all words that are left, and is not the last`)
    if (!isRequired(def) && isRequired(next)) throw new Error(`"${name}" may be left out, and the one after it may not`)
  }
}

// internal

type One<A> = A extends { type: "boolean" }
  ? boolean
  : A extends { type: "number" | "duration" }
    ? number
    : A extends { type: "enum"; options: readonly (infer O)[] }
      ? O
      : string

type Certain =
  { type: "boolean" } | { default: string | number } | { required: true } | { type: "positional"; required?: never }

type Value<A> = A extends { multiple: true } ? One<A>[] : A extends Certain ? One<A> : One<A> | undefined
