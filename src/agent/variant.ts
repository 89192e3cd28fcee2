import { z } from "zod"
import { find } from "../lib/discovery.ts"
import { parseYaml } from "../lib/yaml.ts"

const step = z.strictObject({ reasoning: z.string(), command: z.string().min(1) })

/** An agent configuration, or a control: a variant without Claude. */
const variant = z.strictObject({
  name: z.string(),
  about: z.string(),
  /** `runbook`: the steps below. `oracle`: the subject's declared repair. `nobody`: no session at all. */
  model: z.enum(["runbook", "oracle", "nobody"]),
  runbook: z.array(step).default([]),
  says: z.string().default("Done."),
  limits: z
    .strictObject({
      steps: z.number().int().positive().optional(),
      usd: z.number().positive().optional(),
      minutes: z.number().positive().optional(),
    })
    .default({}),
})

export interface Variant extends z.output<typeof variant> {
  file: string
  text: string
}

/** A variant by its name or its file; what does not fit is a UsageError with the place. */
export async function findVariant(word: string): Promise<Variant> {
  const { file, text } = find("variants", word, "variant")
  return parseVariant(text, file)
}

export async function parseVariant(text: string, file: string): Promise<Variant> {
  return { ...(await parseYaml(text, file, variant)), file, text }
}
