import { type Clock, systemClock } from "../../lib/clock.ts"
import { definedOnly } from "../../lib/defined.ts"
import { showDollars } from "../../lib/dollars.ts"
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

/**
 * Refuses Claude with a limit in dollars, its own or its campaign's, that nobody could hold, or that does not reach for one turn: a
 * UsageError, before anything is begun.
 */
export function requirePriced(variant: Variant, prices: Prices, campaign_usd: number | null = null): void {
  const { usd } = limitsOf(variant)
  if (!isClaude(variant) || (usd === null && campaign_usd === null)) return
  const turn_usd = firstTurn_usd(variant, prices)
  if (turn_usd === null) {
    throw new UsageError(`${variant.file}: what ${variant.model} costs is not known: it is not in ${prices.file}`, {
      hint: "--prices FILE; without any limit in dollars (limits: { usd: none }, and no --usd) it is not needed",
    })
  }
  const least_usd = Math.min(usd ?? Infinity, campaign_usd ?? Infinity)
  if (turn_usd <= least_usd) return
  throw new UsageError(
    `${variant.file}: one turn of ${variant.model} may cost ${showDollars(turn_usd)}, and the limit is ${showDollars(least_usd)}`,
    { hint: "raise the limit, or lower the variant's max_tokens" },
  )
}

// internal

/** What is set aside for a turn with a short page. */
function firstTurn_usd(variant: Variant, prices: Prices): number | null {
  return claudeModel({ settings: variant, system: "", prices, clock: systemClock }).worstCost_usd([])
}
