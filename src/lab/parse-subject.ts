import { z } from "zod"
import { find } from "../lib/discovery.ts"
import { checkExpression } from "../lib/expression.ts"
import { didYouMean } from "../lib/nearest.ts"
import { parseYaml } from "../lib/yaml.ts"
import type { Store } from "../store/open.ts"
import { readText } from "../store/texts.ts"
import { BUILT_IN_INVARIANTS, type OperatorBlock, operatorBlock, type Subject } from "./subject.ts"

/** A subject by its name or its file. */
export async function findSubject(word: string): Promise<Subject> {
  const { name, file, text } = find("compose", word, "subject")
  return parseSubject(text, file, name)
}

/** The subject of a lab or a trial, as it was when that was made, whatever became of its file. */
export function storedSubject(store: Store, of: { subject: string; subject_text: string }): Promise<Subject> {
  const { content, name } = readText(store, of.subject_text)
  return parseSubject(content, name, of.subject)
}

/** Reads a Compose file with its `x-operator` block; what does not fit is a UsageError with file, line and column. */
export async function parseSubject(text: string, file: string, fallbackName = "subject"): Promise<Subject> {
  const document = await parseYaml(text, file, composeFile)
  return {
    ...document["x-operator"],
    name: document.name ?? fallbackName,
    file,
    text,
    services: Object.keys(document.services),
  }
}

// internal

/** Compose has many keys of its own; `docker compose config` judges those. */
const composeFile = z
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
    for (const problem of problems(document["x-operator"], services)) {
      context.addIssue({ code: "custom", path: ["x-operator", ...problem.path], message: problem.message })
    }
  })

interface Problem {
  path: (string | number)[]
  message: string
}

function* problems(block: OperatorBlock, services: string[]): Generator<Problem> {
  const places = [...Object.keys(block.groups), ...services]
  const invariants = [...block.invariants.map(({ name }) => name), ...BUILT_IN_INVARIANTS]
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
  for (const name of Object.keys(block.processes)) yield* unknown(["processes", name], "service", name, services)
}

function expression(path: Problem["path"], text: string | undefined): Problem[] {
  const message = text === undefined ? undefined : checkExpression(text)
  return message === undefined ? [] : [{ path, message }]
}
