import { z } from "zod"
import { type File, find, readBeside } from "../lib/discovery.ts"
import { note } from "../lib/output.ts"
import { parseYaml } from "../lib/yaml.ts"
import type { Store } from "../store/open.ts"
import { readText } from "../store/texts.ts"
import { referenceProblems } from "./references.ts"
import { ruleFilesOf, withRuleContents } from "./rule-contents.ts"
import { readRules, type Rules } from "./rules.ts"
import { BUILT_IN_INVARIANTS, operatorBlock, type Subject } from "./subject.ts"

/** A subject by its name or its file. */
export async function findSubject(word: string): Promise<Subject> {
  const subject = await readSubject(find("compose", word, "subject"))
  for (const line of subject.notes) note(line)
  return subject
}

/** The subject in a file that was found, with the rule files that it names. */
export async function readSubject(found: File): Promise<Subject> {
  const read = (path: string) => readBeside(found, path, "rule file")
  return parseSubject(await withRuleContents(found.text, found.file, read), found.file, found.name)
}

/** The subject of a lab or a trial, as it was when that was made, whatever became of its file. */
export function storedSubject(store: Store, of: { subject: string; subject_text: string }): Promise<Subject> {
  const { content, name } = readText(store, of.subject_text)
  return parseSubject(content, name, of.subject)
}

/**
 * Reads a Compose file with its `x-operator` block, the content of its rule files included; what does not fit is a UsageError
 * with file, line and column.
 */
export async function parseSubject(text: string, file: string, fallbackName = "subject"): Promise<Subject> {
  const { files, invariants } = await ruleFilesOf(text, file)
  const rules = await readRules(files, file, [...invariants, ...BUILT_IN_INVARIANTS])
  const document = await parseYaml(text, file, composeFile(rules.invariants))
  const block = document["x-operator"]
  return {
    ...block,
    invariants: [...block.invariants, ...rules.invariants.flat()],
    name: document.name ?? projectName(fallbackName),
    file,
    text,
    services: Object.keys(document.services),
    notes: rules.notes,
  }
}

/** A subject's file, as far as operator reads it. Compose has many keys of its own; `docker compose config` judges those. */
export const composeShape = z.looseObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]*$/, "lower-case letters, digits, - and _")
    .optional(),
  services: z.record(z.string(), z.unknown()),
  "x-operator": operatorBlock.prefault({}),
})

// internal

/** What Compose and labs may be called, from the name of a file. */
function projectName(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9_-]+/g, "-")
      .replace(/^[^a-z0-9]+/, "") || "subject"
  )
}

const composeFile = (rules: Rules["invariants"]) =>
  composeShape.superRefine((document, context) => {
    const services = Object.keys(document.services)
    for (const problem of referenceProblems(document["x-operator"], services, rules)) {
      context.addIssue({ code: "custom", path: ["x-operator", ...problem.path], message: problem.message })
    }
  })
