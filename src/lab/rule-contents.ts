import { z } from "zod"
import { messageOf, UsageError } from "../lib/errors.ts"
import { parseYaml } from "../lib/yaml.ts"
import type { YamlProblem } from "../lib/yaml-document.ts"
import { type RuleFile, ruleFile } from "./subject.ts"

/** A first look at a subject: enough to find its rule files. What is wrong with it, the whole look says. */
export async function ruleFilesOf(text: string, file: string): Promise<{ files: RuleFile[]; invariants: string[] }> {
  if (!/\brules\b/.test(text)) return { files: [], invariants: [] }
  const { "x-operator": block } = await parseYaml(text, file, glance)
  return { files: block.rules, invariants: block.invariants.map(({ name }) => name) }
}

/**
 * The rule files with the content of each, in their order. Those that `read` refuses with a UsageError are left out, and are
 * problems of the subject's file.
 */
export function readRuleFiles(
  files: readonly RuleFile[],
  read: (path: string) => string,
): { filled: RuleFile[]; problems: YamlProblem[] } {
  const filled: RuleFile[] = []
  const problems: YamlProblem[] = []
  for (const [index, rules] of files.entries()) {
    try {
      filled.push({ ...rules, content: rules.content ?? read(rules.file) })
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      problems.push({ path: ["x-operator", "rules", index], text: messageOf(error) })
    }
  }
  return { filled, problems }
}

/**
 * The text of a subject with the content of each rule file in it, so that it stands alone: a run stores that, and editing or
 * losing the files rewrites no history. Everything but the list of rules stays as it is, and where it is.
 */
export async function withRuleContents(text: string, file: string, read: (path: string) => string): Promise<string> {
  const { files } = await ruleFilesOf(text, file)
  if (files.every(({ content }) => content !== undefined)) return text
  const { filled, problems } = readRuleFiles(files, read)
  const { openDocument } = await import("../lib/yaml-document.ts")
  const document = openDocument(text, file)
  if (problems.length > 0) throw document.error(problems)
  const { parseDocument } = await import("yaml")
  const list = parseDocument(text, { version: "1.2", merge: true }).getIn(["x-operator", "rules"], true)
  const [start, end] = (list as { range?: [number, number, number] | null } | undefined)?.range ?? []
  if (start === undefined || end === undefined) {
    const text = "comes from elsewhere: write the list in the block itself"
    throw document.error([{ path: ["x-operator", "rules"], text }])
  }
  // JSON is YAML. The blank keeps it inside of the block where the list began at the column of its key.
  const lines = text.slice(start, end).match(/\n/g) ?? []
  return `${text.slice(0, start)} ${JSON.stringify(filled)}${lines.join("")}${text.slice(end)}`
}

// internal

const glance = z.looseObject({
  "x-operator": z
    .looseObject({
      rules: z.array(ruleFile).catch([]),
      invariants: z.array(z.looseObject({ name: z.string() })).catch([]),
    })
    .catch({ rules: [], invariants: [] }),
})
