import { BUILT_IN, findFault } from "../chaos/catalogue.ts"
import type { Problem } from "../lab/alert-problems.ts"
import { lenientBlock } from "../lab/lenient-block.ts"
import { meaningProblems } from "../lab/meanings.ts"
import { composeShape, readSubject } from "../lab/parse-subject.ts"
import { type ComposeFile, normalised } from "../lab/platforms/docker/compose-file.ts"
import { referenceProblems } from "../lab/references.ts"
import { readRuleFiles, ruleFilesOf } from "../lab/rule-contents.ts"
import { readRules, type Rules } from "../lab/rules.ts"
import { BUILT_IN_INVARIANTS, type OperatorBlock, type Subject } from "../lab/subject.ts"
import { type File, readBeside, whereabouts } from "../lib/discovery.ts"
import { EnvironmentError, messageOf } from "../lib/errors.ts"
import { FileError, type FileProblem, gather } from "../lib/file-error.ts"
import { didYouMean } from "../lib/nearest.ts"
import { parseYaml } from "../lib/yaml.ts"
import { openDocument, type YamlDocument } from "../lib/yaml-document.ts"

/** What can be said of a subject without running it. */
export interface SubjectCheck {
  /** In the order of the file, those of its rule files at the end. */
  problems: readonly FileProblem[]
  /** What this machine could not look at. */
  not_checked: string[]
  /** Where there are no problems. */
  subject?: Subject
}

/**
 * Looks through a subject's file, everything at once: YAML, shapes, names, expressions, addresses, rule files, and what Docker Compose
 * and a lab's isolation have to say of it. Only a file that is no YAML at all is not looked at any further.
 */
export async function checkSubject(found: File): Promise<SubjectCheck> {
  const problems: FileProblem[] = []
  const document = await gather(problems, () => openDocument(found.text, found.file))
  if (!document) return { problems, not_checked: [] }
  const outline = (document.value ?? {}) as Outline
  const services = Object.keys(outline.services ?? {})
  const block = lenientBlock(outline["x-operator"])

  await gather(problems, () => parseYaml(found.text, found.file, composeShape))
  const rules = await checkRules(problems, found, document)
  const references = [
    ...referenceProblems(block, services, rules ?? []),
    ...meaningProblems(block, services),
    ...faultProblems(block),
  ]
  // What is in a rule file that cannot be read, nobody knows.
  const ofRules = (path: Problem["path"]) => path.includes("noticed_by") || path.includes("may_be_missing")
  const certain = references.filter(({ path }) => rules !== undefined || !ofRules(path))
  problems.push(...placed(document, certain))
  if (services.length === 0)
    problems.push(...document.error([{ path: ["services"], text: "there are no services" }]).problems)
  const compose = services.length === 0 ? NOT_ASKED : await checkCompose(problems, found)
  if (compose.file) problems.push(...placed(document, neverStarted(block, services, compose.file)))
  const subject = problems.length > 0 ? undefined : await gather(problems, () => readSubject(found))
  return { problems: inOrder(problems, found.file), not_checked: compose.not_checked, ...(subject && { subject }) }
}

// internal

interface Outline {
  services?: Record<string, unknown> | null
  "x-operator"?: unknown
}

/** The alerts of each; undefined when there is a rule file that cannot be read. */
async function checkRules(
  problems: FileProblem[],
  found: File,
  document: YamlDocument,
): Promise<Rules["invariants"] | undefined> {
  const before = problems.length
  const { files, invariants } = (await gather(problems, () => ruleFilesOf(found.text, found.file))) ?? NO_RULES
  const read = readRuleFiles(files, (path) => readBeside(found, path, "rule file"))
  problems.push(...document.error(read.problems).problems)
  const taken = [...invariants, ...BUILT_IN_INVARIANTS]
  const rules = await gather(problems, () => readRules(read.filled, found.file, taken))
  return problems.length > before ? undefined : rules?.invariants
}

const NO_RULES = { files: [], invariants: [] }

/** Faults that there are not, and parameters that they do not take. */
function* faultProblems(block: OperatorBlock): Generator<Problem> {
  const known = BUILT_IN.map(({ name }) => name)
  for (const [name, { declared, params }] of Object.entries(block.faults)) {
    if (!declared && !known.includes(name)) {
      const message = `there is no fault "${name}"${didYouMean(name, known)}; one of the subject's own needs \`declared\``
      yield { path: ["faults", name], message }
      continue
    }
    const { success, error } = findFault(name, block as Subject).params.safeParse(params)
    if (success) continue
    for (const { code, path, message, ...issue } of error.issues) {
      const surplus = code === "unrecognized_keys" && "keys" in issue ? (issue.keys as string[]) : []
      for (const key of surplus)
        yield { path: ["faults", name, "params", key], message: `${name} has no parameter "${key}"` }
      // What is missing may be said in a campaign.
      if (path.length > 0 && String(path[0]) in params)
        yield { path: ["faults", name, "params", ...path.map(String)], message }
    }
  }
}

async function checkCompose(problems: FileProblem[], found: File): Promise<ComposeCheck> {
  const unchecked = (why: string) => ({
    not_checked: [`what Docker Compose makes of the file, and what it mounts: ${why}`],
  })
  if (Bun.which("docker") === null) return unchecked("there is no docker command")
  try {
    const file = await gather(problems, () => normalised(found, PROJECT, whereabouts(found.file)))
    return { file, not_checked: [] }
  } catch (error) {
    if (error instanceof EnvironmentError) return unchecked(messageOf(error))
    throw error
  }
}

interface ComposeCheck {
  file?: ComposeFile | undefined
  not_checked: string[]
}

const NOT_ASKED: ComposeCheck = { not_checked: [] }

/** Nothing is made under this name. */
const PROJECT = "check"

/** Services that are named, and that a lab leaves out, such as those of a profile. */
function* neverStarted(block: OperatorBlock, services: readonly string[], file: ComposeFile): Generator<Problem> {
  const never = (name: string) => services.includes(name) && !(name in file.services)
  const message = "a lab does not start this service: it belongs to a profile"
  for (const [group, names] of Object.entries(block.groups)) {
    for (const [index, name] of names.entries()) if (never(name)) yield { path: ["groups", group, index], message }
  }
  for (const [index, { each }] of block.invariants.entries())
    if (each !== undefined && never(each)) yield { path: ["invariants", index, "each"], message }
}

function placed(document: YamlDocument, found: Iterable<Problem>): readonly FileProblem[] {
  return document.error([...found].map(({ path, message }) => ({ path: ["x-operator", ...path], text: message })))
    .problems
}

function inOrder(problems: readonly FileProblem[], first: string): readonly FileProblem[] {
  return new FileError(problems).problems.toSorted(
    (a, b) =>
      Number(a.file !== first) - Number(b.file !== first) ||
      (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column),
  )
}
