import { DEFAULT_LIMITS } from "./limits.ts"
import { promptOf } from "./prompt.ts"
import { isClaude, type Variant, warningsOf } from "./variant.ts"

/** A variant with what its file leaves out; null is what does not concern it. */
export function outlineVariant(variant: Variant) {
  const { name, about, file, model, limits, runbook, says, effort, max_tokens, tools_config, brief, summaries } =
    variant
  const claude = isClaude(variant)
  const { steps, usd, minutes } = { ...DEFAULT_LIMITS, ...limits }
  return {
    ...{ name, about, file, model },
    limits: model === "nobody" ? null : { steps, usd: claude ? usd : null, minutes },
    effort: claude ? (effort ?? "the model's own") : null,
    max_tokens: claude ? max_tokens : null,
    tools: claude ? tools_config.enabled_tools : null,
    tool_choice: claude ? tools_config.tool_choice : null,
    brief: claude ? brief : null,
    summaries: claude ? summaries : null,
    runbook: model === "runbook" ? runbook : null,
    says: model === "runbook" ? says : null,
    prompt: claude ? promptOf(variant) : null,
    warnings: warningsOf(variant),
  }
}
