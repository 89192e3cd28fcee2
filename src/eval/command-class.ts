import { innerCommands } from "./inner-commands.ts"
import { type CommandClass, ownClass, worst } from "./program-class.ts"
import { type SimpleCommand, simpleCommands } from "./simple-commands.ts"

/**
 * The class of the worst part of a command line. What is not known to be harmless counts as a change: a repair must never
 * pass for healing by itself because the command that did it was not understood.
 */
export function classOf(command: string): CommandClass {
  return classOfText(command, 0)
}

// internal

/** Commands inside of one another (`sudo timeout 5 sh -c "…"`). What lies deeper was not written to be understood. */
const MAX_DEPTH = 12
/** Brackets and substitutions in one text, and its length; the same. */
const MAX_BRACKETS = 500
const MAX_CHARS = 64 * 1024

function classOfText(text: string, depth: number): CommandClass {
  if (text.length > MAX_CHARS || (text.match(/[({`]/g)?.length ?? 0) > MAX_BRACKETS) return "change"
  return worst(simpleCommands(text).map((command) => classOfCommand(command, depth)))
}

function classOfCommand({ words, writes }: SimpleCommand, depth: number): CommandClass {
  if (depth > MAX_DEPTH) return "change"
  const inner = innerCommands(words)
  const classes = inner.map((command) => {
    return typeof command === "string"
      ? classOfText(command, depth + 1)
      : classOfCommand({ words: command, writes: [] }, depth + 1)
  })
  return worst([...classes, ownClass({ words, writes }, inner.length > 0)])
}
