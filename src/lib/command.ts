import { type ArgDefs, assertDefs, GLOBAL_ARGS, type RestDef, type Values } from "./args.ts"
import { readArgv } from "./argv.ts"
import { codeOf, EnvironmentError, exitCode, messageOf, OperatorError, UsageError } from "./errors.ts"
import { didYouMean } from "./nearest.ts"
import { paint, safeText } from "./output.ts"
import { environmentError } from "./system-error.ts"
import { commandUsage, groupUsage } from "./usage.ts"

/** A command of the tree: what `--help` says of it, and its module, which nothing but calling it loads. */
export interface Leaf {
  about: string
  hidden?: boolean
  load(): Promise<{ default: Command }>
}

export interface Group {
  about: string
  hidden?: boolean
  commands: Record<string, Leaf | Group>
}

/** The tree of commands; `name` is the program's. */
export interface Root extends Group {
  name: string
}

export interface Command<A extends ArgDefs = ArgDefs> {
  /** More than the tree's line can say. */
  about?: string
  examples?: readonly string[]
  args: A
  rest?: RestDef
  /** A number is the exit code; without one it is 0. An error decides its own (`exitCode`). */
  run(context: Context<A>): Promise<number | void> | number | void
}

export interface Context<A extends ArgDefs> {
  args: Values<A & typeof GLOBAL_ARGS>
  /** The words after `--`, where the command defines `rest`. */
  rest: string[]
  /** The tree in which the command was found. */
  root: Root
}

/** A leaf module's default export. Its arguments' types follow from their definitions. */
export function defineCommand<const A extends ArgDefs>(command: Command<A>): Command<A> {
  assertDefs(command.args)
  return command
}

/**
 * Runs the command that `argv` names and promises its exit code; never rejects. Errors go to stderr, with their stack only
 * under `--debug`. The caller sets `process.exitCode`, so that stdout drains. A reader who leaves ends the process with 0.
 */
export async function runMain(root: Root, argv: readonly string[]): Promise<number> {
  const debug = flagsIn(argv).includes("--debug")
  const fail = (thrown: unknown) => {
    const error = environmentError(thrown) ?? thrown
    report(root.name, error, debug)
    return exitCode(error)
  }
  process.stdout.on("error", (error) => process.exit(codeOf(error) === "EPIPE" ? 0 : fail(unwritable(error))))
  // Whoever read stderr has left, and there is nowhere else to say so. The work goes on.
  process.stderr.on("error", () => undefined)
  process.on("uncaughtException", (error) => process.exit(fail(error)))
  process.on("unhandledRejection", (error) => process.exit(fail(error)))
  try {
    return await dispatch(root, argv)
  } catch (error) {
    return fail(error)
  }
}

/** Finds the command, reads its arguments, runs it. Resolves to its exit code and rejects with whatever it throws. */
export async function dispatch(root: Root, argv: readonly string[]): Promise<number> {
  const path = [root.name]
  const words = argv[0] === "help" ? [...argv.slice(1), "--help"] : [...argv]
  let node: Group | Leaf = root
  while ("commands" in node) {
    const word = words.shift()
    if (word === undefined || isHelp(word)) return show(groupUsage(path, node, colours()))
    node = childOf(node, word, path)
    path.push(word)
  }
  const { default: command } = await node.load()
  if (flagsIn(words).some(isHelp)) return show(commandUsage(path, command.about ?? node.about, command, colours()))
  return (await command.run({ ...readContext(command, words, path), root })) ?? 0
}

// internal

/** Causes shown under `--debug`; a chain may be circular. */
const MAX_CAUSES = 8

const isHelp = (word: string) => word === "--help" || word === "-h"

const colours = () => paint(process.stdout)

/** What may hold flags: everything before `--`. */
function flagsIn(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--")
  return end === -1 ? argv : argv.slice(0, end)
}

function show(usage: string): number {
  process.stdout.write(usage)
  return 0
}

function childOf(group: Group, word: string, path: readonly string[]): Leaf | Group {
  const hint = `${path.join(" ")} --help lists the commands`
  if (word.startsWith("-")) throw new UsageError(misplaced(word), { hint })
  const child = Object.hasOwn(group.commands, word) ? group.commands[word] : undefined
  if (child) return child
  const visible = Object.keys(group.commands).filter((name) => !group.commands[name]?.hidden)
  throw new UsageError(`unknown command "${[...path.slice(1), word].join(" ")}"${didYouMean(word, visible)}`, { hint })
}

function misplaced(word: string): string {
  const flag = word.split("=", 1)[0]!
  const afterCommand = Object.keys(GLOBAL_ARGS).map((name) => `--${name}`)
  if (afterCommand.includes(flag)) return `${flag} comes after the command`
  if (flag === "--version" || flag === "-V") return `${flag} stands alone`
  return `unknown flag ${flag}${didYouMean(flag, ["--help", "--version"])}`
}

function readContext(
  command: Command,
  args: readonly string[],
  path: readonly string[],
): Omit<Context<ArgDefs>, "root"> {
  try {
    return readArgv(args, { ...command.args, ...GLOBAL_ARGS }, command.rest)
  } catch (error) {
    if (!(error instanceof UsageError) || error.hint !== undefined) throw error
    throw new UsageError(error.message, { hint: `${path.join(" ")} --help shows how it is used`, cause: error.cause })
  }
}

function unwritable(error: unknown): EnvironmentError {
  return new EnvironmentError(`cannot write to stdout: ${messageOf(error)}`, { cause: error })
}

function report(program: string, error: unknown, debug: boolean): void {
  const { red, dim } = paint(process.stderr)
  const lines = [`${red(`${program}:`)} ${safeText(messageOf(error))}`]
  const hint = error instanceof OperatorError ? error.hint : undefined
  const unexpected = exitCode(error) === 1 && !debug ? "run again with --debug for the stack trace" : undefined
  for (const advice of [hint, unexpected]) if (advice !== undefined) lines.push(`  → ${safeText(advice)}`)
  if (debug) lines.push(...stacks(error).map((stack) => dim(safeText(stack))))
  process.stderr.write(`${lines.join("\n")}\n`)
}

function stacks(error: unknown): string[] {
  const found: string[] = []
  for (let cause = error; cause !== undefined && found.length < MAX_CAUSES;) {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    found.push(found.length === 0 ? text : `caused by: ${text}`)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return found
}
