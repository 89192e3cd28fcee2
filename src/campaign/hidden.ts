import type { Sandbox } from "../agent/sandbox/open.ts"
import type { Lab } from "../lab/lab.ts"
import { OperatorError } from "../lib/errors.ts"
import { oneLine } from "../lib/output.ts"
import type { Injection } from "../store/injections.ts"
import { lookAround, type Sight } from "./sights.ts"
import { repairOf, repairText } from "./repair.ts"

/**
 * Words that tell whoever reads them that somebody tries them, in whatever form: `Fault`, `FAULTS`, `fault_3`. Others say as much, and are
 * in too many places that have nothing to do with it: `test` (health checks), `eval` (shells, Redis), `oracle` (its Linux).
 */
export const WORDS = [
  ...["chaos", "fault", "faults", "inject", "injects", "injected", "injection", "injections", "injector"],
  ...["operator", "operators", "trial", "trials", "campaign", "campaigns", "benchmark", "benchmarks"],
  ...["tamper", "tampers", "tampered", "tampering", "sabotage"],
]

/** A word that an agent can read, and where. */
export interface Hit {
  place: string
  word: string
  /** The word with what stands around it. */
  excerpt: string
}

/** What is to come, or has been done, in a lab. */
export type Broken = Pick<Injection, "fault" | "params"> & Partial<Pick<Injection, "id">>

/**
 * Looks at everything that an agent will be able to read, and throws when a word of it gives away that, or how, the lab is broken. A lab of
 * processes is not looked at: its agent has this machine's own shell, from which nothing is hidden.
 */
export async function requireHidden(lab: Lab, sandbox: Sandbox, broken: Broken): Promise<void> {
  if (!sandbox.view) return
  await using view = await sandbox.view()
  const truths = await truthsOf(lab, broken)
  const [hit] = hitsIn(await lookAround(view), { words: wordsFor(lab), truths })
  if (!hit) return
  throw new OperatorError(`an agent could read "${hit.word}" in ${hit.place}: ${hit.excerpt}`, {
    hint: "give it another name; a word that is the subject's own is listed under `own_words` in its x-operator block",
  })
}

/** Each word in each place, once. `truths` are texts that must not occur, as they are. */
export function hitsIn(
  sights: readonly Sight[],
  { words, truths }: { words: readonly string[]; truths: readonly string[] },
): Hit[] {
  const patterns = [
    ...words.map((word) => [word, patternOf(word)] as const),
    ...truths.map((text) => [text, text] as const),
  ]
  return sights.flatMap(({ place, text }) =>
    patterns.flatMap(([word, pattern]) => {
      const at = typeof pattern === "string" ? text.indexOf(pattern) : text.search(pattern)
      return at === -1 ? [] : [{ place, word, excerpt: excerptOf(text, at) }]
    }),
  )
}

// internal

/** Shorter lines of a repair, such as `done`, say nothing. */
const MIN_TRUTH_CHARS = 12
/** Before and after what was found. */
const AROUND_CHARS = 40

function wordsFor({ subject }: Lab): string[] {
  return WORDS.filter((word) => !subject.own_words.includes(word))
}

/** A word by itself: after it and before it is no letter that would make it another one, as in `default`. */
function patternOf(word: string): RegExp {
  const capital = word[0]!.toUpperCase() + word.slice(1)
  const all = word.toUpperCase()
  return new RegExp(`(?<![A-Za-z])${word}(?![a-z])|${capital}(?![a-z])|(?<![A-Za-z])${all}(?![A-Za-z])`)
}

/**
 * The fault by its name, where that is no word of everyday use such as `latency`; its repair, as it would be run at each node; and whose
 * doing it is: the injection, and the lab's folder on this machine.
 */
async function truthsOf(lab: Lab, { id, fault, params }: Broken): Promise<string[]> {
  const names = [fault, params.fault].filter((name) => typeof name === "string")
  const repairs = await Promise.all(names.map((name) => repairsOf(lab, name)))
  const all = [
    ...names.filter((name) => name.includes("_")),
    ...repairs.flat(),
    ...(id === undefined ? [] : [id]),
    lab.dir,
  ]
  return [...new Set(all)]
}

async function repairsOf(lab: Lab, fault: string): Promise<string[]> {
  if (repairText(lab, fault) === undefined) return []
  const targets = (await lab.nodes()).map(({ name }) => name)
  const lines = repairOf(lab, { fault, targets }).flatMap(({ command }) => command.split("\n"))
  return lines.map((line) => line.trim()).filter((line) => line.length >= MIN_TRUTH_CHARS)
}

function excerptOf(text: string, at: number): string {
  return oneLine(text.slice(Math.max(0, at - AROUND_CHARS), at + AROUND_CHARS))
}
