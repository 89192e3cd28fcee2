import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { messageOf, UsageError } from "../lib/errors.ts"
import onCall from "./prompts/on-call.md" with { type: "text" }
import type { Variant } from "./variant.ts"

export interface Prompt {
  /** Where it came from, for messages. */
  name: string
  text: string
}

/** What a variant tells Claude of its work. Its text is kept with each trial, so that a later change does not reach back. */
export function promptOf(variant: Pick<Variant, "file" | "prompt" | "system_prompt">): Prompt {
  if (variant.system_prompt != null) return { name: `${variant.file}: system_prompt`, text: variant.system_prompt }
  if (variant.prompt === undefined) return { name: "on-call.md (built in)", text: onCall }
  const file = resolve(dirname(variant.file), variant.prompt)
  try {
    return { name: file, text: readFileSync(file, "utf8") }
  } catch (cause) {
    throw new UsageError(`${variant.file}: the prompt ${file} cannot be read: ${messageOf(cause)}`, {
      hint: "`prompt` is a path from the variant's own file",
      cause,
    })
  }
}
