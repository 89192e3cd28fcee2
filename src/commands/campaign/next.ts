import { homedir } from "node:os"
import { join } from "node:path"
import type { Result } from "../../eval/results.ts"
import { claimedFalsely, claimedTooEarly, mostTelling } from "../../eval/telling.ts"
import { quoted } from "../../lab/platforms/programs.ts"
import { note, paint } from "../../lib/output.ts"
import { storeFile } from "../../store/open.ts"
import { shortNames, trialName } from "./words.ts"

/** A command without its program's name, and what it shows. */
export type Next = [words: string, shows: string]

/** Says what to type next, each with what it shows, and where the store is unless it is where everybody's is. */
export function tellNext(file: string, commands: readonly Next[]): void {
  const { dim } = paint(process.stderr)
  // What a shell of the same environment finds by itself need not be typed.
  const where = file === storeFile() ? "" : ` --db ${PLAIN.test(file) ? file : quoted(file)}`
  const lines = commands.map(([words, shows]): Next => [`operator ${words}${where}`, shows])
  const width = Math.max(...lines.map(([command]) => command.length))
  const room = process.stderr.isTTY ? process.stderr.columns || Infinity : Infinity
  const fits = lines.every(([, shows]) => width + 2 + Bun.stringWidth(shows) <= room)
  if (file !== join(homedir(), ".operator", "operator.db")) note(dim(`store: ${file}`))
  for (const [command, shows] of lines) {
    note(fits ? `${command.padEnd(width)}  ${dim(shows)}` : `${command}\n    ${dim(shows)}`)
  }
}

/** The command that tells the story of the trial that ought to be looked at first. */
export function nextStory(results: readonly Result[]): Next[] {
  const result = mostTelling(results)
  if (!result) return []
  const name = trialName(shortNames(results)(result), result)
  const early = claimedTooEarly(result) ? ", after a claim that the monitor could not confirm in time" : ""
  const claim = claimedFalsely(result) ? ", although it claims to be done" : early
  return [[`audit show ${logOf(result)}`, `${name}: ${result.verdict}${claim}`]]
}

/** The command that shows the facts and the judgements of that trial. */
export function nextFacts(results: readonly Result[]): Next[] {
  const result = mostTelling(results)
  return result ? [[`eval show ${logOf(result)}`, "its facts, its judgements and its sessions"]] : []
}

// internal

/** What a shell takes as it is. */
const PLAIN = /^[\w@%+=:,./-]+$/

/** The shortest that leads to a trial. */
const logOf = ({ lab, id }: Result) => lab ?? id
