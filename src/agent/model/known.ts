/** What is known of a model that decides which options it takes (the vendor's model pages, November 2026). */
interface Known {
  max_output_tokens: number
  /** `always`: cannot be turned off, and excludes a forced tool. `manual`: takes neither adaptive thinking nor an effort. */
  thinking: "always" | "adaptive" | "manual"
}

const KNOWN: Record<string, Known> = {
  "claude-fable-5-2": { max_output_tokens: 128_000, thinking: "always" },
  "claude-fable-5-1": { max_output_tokens: 128_000, thinking: "always" },
  "claude-opus-5-5": { max_output_tokens: 128_000, thinking: "always" },
  "claude-sonnet-5-5": { max_output_tokens: 128_000, thinking: "adaptive" },
  "claude-haiku-5-5": { max_output_tokens: 128_000, thinking: "adaptive" },
  "claude-haiku-4-5": { max_output_tokens: 64_000, thinking: "manual" },
}

export const KNOWN_MODELS: readonly string[] = Object.keys(KNOWN)

/** What is known of a model, a dated one by its undated name; undefined for one that is tried as it is. */
export function knownModel(model: string): Known | undefined {
  return KNOWN[model] ?? KNOWN[undated(model)]
}

/** "claude-haiku-4-5-20251001" is a model as it was on that day. */
export function undated(model: string): string {
  return model.replace(/-20\d{6}$/, "")
}

/** Whether thinking is asked for. What nobody knows is asked as the newest ones are. */
export function thinks(model: string): boolean {
  return knownModel(model)?.thinking !== "manual"
}

export interface ModelOptions {
  effort?: string | undefined
  max_tokens: number
  tool_choice: { type: string }
}

/** The options that a known model is known to refuse, each with its reason. */
export function badOptions(model: string, options: ModelOptions): { option: keyof ModelOptions; reason: string }[] {
  const known = knownModel(model)
  if (!known) return []
  const forced = options.tool_choice.type === "any" || options.tool_choice.type === "tool"
  const bad: ReturnType<typeof badOptions> = []
  if (forced && known.thinking === "always") {
    bad.push({
      option: "tool_choice",
      reason: `${model} always thinks, and then refuses a forced tool: leave it at auto`,
    })
  }
  if (options.effort !== undefined && known.thinking === "manual") {
    bad.push({ option: "effort", reason: `${model} takes no effort` })
  }
  if (options.max_tokens > known.max_output_tokens) {
    bad.push({ option: "max_tokens", reason: `${model} gives at most ${known.max_output_tokens} tokens` })
  }
  return bad
}
