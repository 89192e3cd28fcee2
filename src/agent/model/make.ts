import type { Clock } from "../../lib/clock.ts"
import { definedOnly } from "../../lib/defined.ts"
import { UsageError } from "../../lib/errors.ts"
import { DEFAULT_LIMITS, type SessionLimits } from "../limits.ts"
import type { Prices } from "../prices.ts"
import { isClaude, type Variant } from "../variant.ts"
import { claudeModel } from "./claude.ts"
import type { Model } from "./model.ts"
import { runbookModel } from "./runbook.ts"

export interface ModelParts {
  variant: Variant
  /** What Claude is told of its work; a runbook reads nothing. */
  prompt: string
  prices: Prices
  clock: Clock
}

/**
 * What makes the model of a variant anew for each session: Claude, or the steps of a runbook. `oracle` and `nobody` are no
 * models of their own; only a trial knows what to make of them.
 */
export function modelMaker({ variant, prompt, prices, clock }: ModelParts): () => Model {
  if (isClaude(variant)) return () => claudeModel({ settings: variant, system: prompt, prices, clock })
  if (variant.model !== "runbook") throw new Error(`there is no model to be made of "${variant.model}"`)
  return () => runbookModel({ name: variant.name, steps: variant.runbook, says: variant.says })
}

/** The bounds of a variant's sessions. */
export function limitsOf({ limits }: Pick<Variant, "limits">): SessionLimits {
  return { ...DEFAULT_LIMITS, ...definedOnly(limits) }
}

/** Refuses Claude with a limit in dollars that nobody could hold: a UsageError, before anything is begun. */
export function requirePriced(variant: Variant, prices: Prices): void {
  if (!isClaude(variant) || limitsOf(variant).usd === null || prices.of(variant.model)) return
  throw new UsageError(`${variant.file}: what ${variant.model} costs is not known (prices of ${prices.file})`, {
    hint: "--prices FILE, or limits: { usd: none } in the variant",
  })
}
