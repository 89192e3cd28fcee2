import { z } from "zod"
import { find, readBeside } from "../lib/discovery.ts"
import { checkExpression } from "../lib/expression.ts"
import { didYouMean } from "../lib/nearest.ts"
import { note } from "../lib/output.ts"
import { parseYaml } from "../lib/yaml.ts"
import type { Store } from "../store/open.ts"
import { readText } from "../store/texts.ts"
import { alertProblems, missingProblems, NO_PROMETHEUS, type Problem } from "./alert-problems.ts"
import { ruleFilesOf, withRuleContents } from "./rule-contents.ts"
import { readRules } from "./rules.ts"
import {
  BUILT_IN_INVARIANTS,
  type InvariantDeclaration,
  type OperatorBlock,
  operatorBlock,
  type Subject,
} from "./subject.ts"

/** A subject by its name or its file. */
export async function findSubject(word: string): Promise<Subject> {
  const found = find("compose", word, "subject")
  const read = (path: string) => readBeside(found, path, "rule file")
  const subject = await parseSubject(await withRuleContents(found.text, found.file, read), found.file, found.name)
  for (const line of subject.notes) note(line)
  return subject
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
    name: document.name ?? fallbackName,
    file,
    text,
    services: Object.keys(document.services),
    notes: rules.notes,
  }
}

// internal

/** Compose has many keys of its own; `docker compose config` judges those. */
const composeFile = (rules: InvariantDeclaration[][]) =>
  z
    .looseObject({
      name: z
        .string()
        .regex(/^[a-z0-9][a-z0-9_-]*$/, "lower-case letters, digits, - and _")
        .optional(),
      services: z.record(z.string(), z.unknown()),
      "x-operator": operatorBlock.prefault({}),
    })
    .superRefine((document, context) => {
      const services = Object.keys(document.services)
      for (const problem of problems(document["x-operator"], services, rules)) {
        context.addIssue({ code: "custom", path: ["x-operator", ...problem.path], message: problem.message })
      }
    })

function* problems(block: OperatorBlock, services: string[], rules: InvariantDeclaration[][]): Generator<Problem> {
  const places = [...Object.keys(block.groups), ...services]
  const ruleNames = rules.flat().map(({ name }) => name)
  const invariants = [...block.invariants.map(({ name }) => name), ...BUILT_IN_INVARIANTS, ...ruleNames]
  const unknown = (path: Problem["path"], what: string, word: string, known: string[]): Problem[] =>
    known.includes(word) ? [] : [{ path, message: `there is no ${what} "${word}"${didYouMean(word, known)}` }]

  for (const [group, names] of Object.entries(block.groups)) {
    for (const [index, name] of names.entries()) yield* unknown(["groups", group, index], "service", name, services)
  }
  for (const [index, invariant] of block.invariants.entries()) {
    const path = ["invariants", index]
    if (invariant.each !== undefined) yield* unknown([...path, "each"], "group or service", invariant.each, places)
    if (invariants.indexOf(invariant.name) !== index)
      yield { path: [...path, "name"], message: `"${invariant.name}" is there twice` }
    yield* expression([...path, "holds"], invariant.holds)
    yield* alertProblems(path, invariant, block.prometheus)
  }
  if (block.rules.length > 0 && block.prometheus === undefined) yield { path: ["rules"], message: NO_PROMETHEUS }
  for (const [index, { may_be_missing = [] }] of block.rules.entries()) {
    yield* missingProblems(["rules", index, "may_be_missing"], may_be_missing, rules[index] ?? [])
  }
  for (const [name, fault] of Object.entries(block.faults)) {
    if (fault.group !== undefined) yield* unknown(["faults", name, "group"], "group or service", fault.group, places)
    for (const [index, noticed] of fault.noticed_by.entries()) {
      yield* unknown(["faults", name, "noticed_by", index], "invariant", noticed, invariants)
    }
  }
  for (const [index, state] of block.state.entries()) yield* expression(["state", index, "pick"], state.pick)
  for (const operation of ["read", "write"] as const) {
    yield* expression(["workload", operation, "holds"], block.workload?.[operation]?.holds)
  }
  if (!block.egress && Object.keys(block.processes).length > 0)
    yield { path: ["egress"], message: "processes share this machine's network, which has a way out" }
  for (const name of Object.keys(block.processes)) yield* unknown(["processes", name], "service", name, services)
}

function expression(path: Problem["path"], text: string | undefined): Problem[] {
  const message = text === undefined ? undefined : checkExpression(text)
  return message === undefined ? [] : [{ path, message }]
}
