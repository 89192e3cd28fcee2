import { type ArgDef, flagsOf, type FlagDef, GLOBAL_ARGS, isMultiple, isRequired, positionalsOf } from "./args.ts"
import type { Command, Group } from "./command.ts"
import type { Paint } from "./output.ts"

/** What `--help` prints for a group: its visible commands, from the tree alone. */
export function groupUsage(path: readonly string[], group: Group, colours: Paint): string {
  const visible = Object.entries(group.commands).filter(([, child]) => !child.hidden)
  const builtIn: Line[] = [["-h, --help", "print this, or a command's flags and examples"]]
  if (path.length === 1) builtIn.push(["-V, --version", "print the version"])
  return page([
    `${colours.bold(path.join(" "))}: ${group.about}`,
    `Usage: ${path.join(" ")} COMMAND [ARGUMENTS] [FLAGS]`,
    section(
      "Commands",
      visible.map(([name, child]) => [name, child.about]),
      colours,
    ),
    section("Flags", builtIn, colours),
  ])
}

/** What `--help` prints for a command. */
export function commandUsage(path: readonly string[], about: string, command: Command, colours: Paint): string {
  const { args, rest } = command
  const words = positionalsOf(args).map(([name, def]): Line => [name.toUpperCase(), describe(def)])
  if (rest) words.push([rest.name, rest.description ?? ""])
  const shared: Line[] = [...flagsOf(GLOBAL_ARGS).map(flagLine), ["-h, --help", "print this"]]
  return page([
    `${colours.bold(path.join(" "))}: ${about}`,
    `Usage: ${usageLine(path, command)}`,
    section("Arguments", words, colours),
    section("Flags", flagsOf(args).map(flagLine), colours),
    section("Flags of every command", shared, colours),
    section(
      "Examples",
      (command.examples ?? []).map((example): Line => [example, ""]),
      colours,
    ),
  ])
}

// internal

/** What is defined, and what is said of it. */
type Line = [term: string, text: string]

const STAND_INS = { string: "TEXT", number: "N", duration: "DURATION" } as const

function page(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`
}

function section(title: string, lines: readonly Line[], colours: Paint): string {
  if (lines.length === 0) return ""
  const width = Math.max(...lines.map(([term]) => term.length))
  const shown = lines.map(([term, text]) =>
    `  ${colours.cyan(term)}${" ".repeat(width - term.length)}  ${text}`.trimEnd(),
  )
  return [colours.bold(`${title}:`), ...shown].join("\n")
}

function usageLine(path: readonly string[], command: Command): string {
  const { args, rest } = command
  const needed = flagsOf(args).filter(([, def]) => isRequired(def))
  const parts = [
    ...path,
    ...positionalsOf(args).map(place),
    ...needed.map(([name, def]) => `--${name}${hint(def)}`),
    "[FLAGS]",
  ]
  if (rest) parts.push(rest.required === false ? `[-- ${rest.name}...]` : `-- ${rest.name}...`)
  return parts.join(" ")
}

function place([name, def]: [string, ArgDef]): string {
  const word = isMultiple(def) ? `${name.toUpperCase()}...` : name.toUpperCase()
  return isRequired(def) ? word : `[${word}]`
}

function flagLine([name, def]: [string, FlagDef]): Line {
  const on = def.type === "boolean" && def.default === true
  const long = on ? `--no-${name}` : `--${name}`
  return [`${def.alias === undefined ? "    " : `-${def.alias}, `}${long}${hint(def)}`, describe(def)]
}

/** The value's stand-in, with the space before it. */
function hint(def: FlagDef): string {
  if (def.type === "boolean") return ""
  return ` ${def.valueHint ?? (def.type === "enum" ? def.options.join("|") : STAND_INS[def.type])}`
}

function describe(def: ArgDef): string {
  const notes = [
    def.type !== "positional" && isRequired(def) ? "required" : "",
    def.type !== "positional" && isMultiple(def) ? "may be repeated" : "",
    def.default === undefined || def.type === "boolean" ? "" : `default ${def.default}`,
  ].filter((note) => note !== "")
  return [def.description ?? "", notes.length > 0 ? `(${notes.join(", ")})` : ""].join(" ").trim()
}
