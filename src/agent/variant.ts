import { z } from "zod"
import { type File, find } from "../lib/discovery.ts"
import { didYouMean } from "../lib/nearest.ts"
import { parseYaml } from "../lib/yaml.ts"
import { badOptions, KNOWN_MODELS, knownModel } from "./model/known.ts"

/** Who is on call without Claude. `runbook`: the steps of the file. `oracle`: the subject's declared repair. `nobody`: no session at all. */
export const CONTROLS = ["runbook", "oracle", "nobody"] as const

const step = z.strictObject({ reasoning: z.string(), command: z.string().min(1) })

const onOrOff = z.union([z.boolean(), z.enum(["on", "off"]).transform((word) => word === "on")])

const TOOLS = ["shell", "web_search", "web_fetch"] as const

const toolChoice = z.union([
  z.enum(["auto", "any"]).transform((type) => ({ type })),
  z.strictObject({ type: z.enum(["auto", "any"]), disable_parallel_tool_use: z.boolean().optional() }),
  z.strictObject({
    type: z.literal("tool"),
    name: z.enum(["shell"]),
    disable_parallel_tool_use: z.boolean().optional(),
  }),
])

const limits = z.strictObject({
  steps: z.number().int().positive().optional(),
  /** "none": however much it costs, also where the price is not known. */
  usd: z.union([z.number().positive(), z.literal("none").transform(() => null)]).optional(),
  minutes: z.number().positive().optional(),
})

/** A turn of on-call work is short; what thinking takes of it counts, too. */
const DEFAULT_MAX_TOKENS = 16_000

/** An agent configuration, or a control: a variant without Claude. */
const variant = z
  .strictObject({
    name: z.string(),
    about: z.string(),
    model: z.string(),
    limits: limits.prefault({}),
    runbook: z.array(step).default([]),
    says: z.string().default("Done."),
    /** What Claude is told of its work: a file beside this one, or the text itself; the built-in prompt when left out. */
    prompt: z.string().optional(),
    system_prompt: z.string().nullish(),
    effort: z.enum(["low", "medium", "high", "xhigh", "max"]).optional(),
    max_tokens: z.number().int().positive().default(DEFAULT_MAX_TOKENS),
    tools_config: z
      .strictObject({
        tool_choice: toolChoice.prefault("auto"),
        enabled_tools: z.array(z.enum(TOOLS)).default(["shell"]),
      })
      .prefault({}),
    brief: onOrOff.default(true),
    summaries: onOrOff.default(true),
  })
  .superRefine((read, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message })
    if (!isControl(read) && !isClaude(read)) {
      const known = [...CONTROLS, ...KNOWN_MODELS]
      refuse(["model"], `there is no model "${read.model}"${didYouMean(read.model, known)}`)
    }
    if (read.prompt !== undefined && read.system_prompt != null)
      refuse(["prompt"], "says the same as `system_prompt`: keep one of them")
    if (!read.tools_config.enabled_tools.includes("shell"))
      refuse(["tools_config", "enabled_tools"], "without `shell` an agent can do nothing")
    const { effort, max_tokens, tools_config } = read
    for (const { option, reason } of badOptions(read.model, { effort, max_tokens, ...tools_config }))
      refuse(option === "tool_choice" ? ["tools_config", option] : [option], reason)
  })

export interface Variant extends z.output<typeof variant> {
  file: string
  text: string
}

/** A variant by its name or its file; what does not fit is a UsageError with the place. */
export async function findVariant(word: string): Promise<Variant> {
  return readVariant(find("variants", word, "variant"))
}

export function readVariant({ text, file }: File): Promise<Variant> {
  return parseVariant(text, file)
}

export async function parseVariant(text: string, file: string): Promise<Variant> {
  return { ...(await parseYaml(text, file, variant)), file, text }
}

/** Whether Claude answers. Gateways put words around a model's name. */
export function isClaude({ model }: Pick<Variant, "model">): boolean {
  return /claude/i.test(model)
}

/** What ought to be known before a variant is used, and does not keep anybody from it. */
export function warningsOf({ model, file }: Variant): string[] {
  if (!isClaude({ model }) || knownModel(model)) return []
  return [`${file}: nothing is known of the model ${model}; it is tried as it is${didYouMean(model, KNOWN_MODELS)}`]
}

// internal

function isControl({ model }: Pick<Variant, "model">): boolean {
  return CONTROLS.some((control) => control === model)
}
