import { z } from "zod"
import { UsageError } from "../lib/errors.ts"
import { parseYaml } from "../lib/yaml.ts"
import { type RuleFile, ruleFile } from "./subject.ts"

/** A first look at a subject: enough to find its rule files. What is wrong with it, the whole look says. */
export async function ruleFilesOf(text: string, file: string): Promise<{ files: RuleFile[]; invariants: string[] }> {
  if (!/\brules\b/.test(text)) return { files: [], invariants: [] }
  const { "x-operator": block } = await parseYaml(text, file, glance)
  return { files: block.rules, invariants: block.invariants.map(({ name }) => name) }
}

/**
 * The text of a subject with the content of each rule file in it, so that it stands alone: a run stores that, and editing or
 * losing the files rewrites no history. Everything but the list of rules stays as it is.
 */
export async function withRuleContents(text: string, file: string, read: (path: string) => string): Promise<string> {
  const { files } = await ruleFilesOf(text, file)
  if (files.every(({ content }) => content !== undefined)) return text
  const filled = files.map((rules) => ({ ...rules, content: rules.content ?? read(rules.file) }))
  const { parseDocument } = await import("yaml")
  const list = parseDocument(text, { version: "1.2", merge: true }).getIn(["x-operator", "rules"], true)
  const [start, end] = (list as { range?: [number, number, number] | null } | undefined)?.range ?? []
  if (start === undefined || end === undefined) {
    throw new UsageError(`${file}: x-operator.rules comes from elsewhere`, {
      hint: "write the list in the block itself",
    })
  }
  // JSON is YAML. The blank keeps it inside of the block where the list began at the column of its key.
  const after = text.slice(start, end).endsWith("\n") ? "\n" : ""
  return `${text.slice(0, start)} ${JSON.stringify(filled)}${after}${text.slice(end)}`
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
