import { requireHostShell } from "../agent/host-shell.ts"
import { requireKey } from "../agent/model/client.ts"
import { requirePriced } from "../agent/model/make.ts"
import { parsePrices, type Prices } from "../agent/prices.ts"
import { isClaude, parseVariant, type Variant, warningsOf } from "../agent/variant.ts"
import { storedSubject } from "../lab/parse-subject.ts"
import { platformFor } from "../lab/raise.ts"
import type { Store } from "../store/open.ts"
import { readText } from "../store/texts.ts"
import type { Trial } from "../store/trials.ts"
import type { PlannedTrial } from "./matrix.ts"

/** A trial's variant, as it was when the campaign was begun. */
export async function variantOf(store: Store, trial: Pick<Trial, "variant_text">): Promise<Variant> {
  const { content, name } = readText(store, trial.variant_text)
  return parseVariant(content, name)
}

/** What a trial's Claude is told of its work, and what it costs: the texts that were kept with the trial. */
export async function keptFor(store: Store, trial: Pick<Trial, "id" | "prompt_text" | "prices_text">) {
  const { prompt_text, prices_text } = trial
  if (prompt_text === null || prices_text === null) throw new Error(`the trial ${trial.id} has no prompt or no prices`)
  return { prompt: readText(store, prompt_text).content, prices: await pricesIn(store, prices_text) }
}

/**
 * Looks whether the trials that Claude works in can be run at all: the key, leave to use this machine's own shell, a price where
 * there is a limit. Else nothing is run. Returns what is worth a warning.
 */
export async function requireForClaude(
  store: Store,
  trials: readonly PlannedTrial[],
  { host_shell, limit_usd }: { host_shell: boolean; limit_usd: number | null },
): Promise<string[]> {
  const kinds = Map.groupBy(trials, ({ variant_text, prices_text, subject_text, platform }) =>
    [variant_text, prices_text, subject_text, platform].join(" "),
  )
  const warnings: string[] = []
  for (const [trial] of kinds.values()) {
    const variant = await variantOf(store, trial!)
    if (!isClaude(variant)) continue
    requireHostShell(variant, platformFor(await storedSubject(store, trial!), trial!.platform), host_shell)
    requirePriced(variant, await pricesIn(store, trial!.prices_text ?? ""), limit_usd)
    requireKey()
    warnings.push(...warningsOf(variant))
  }
  return [...new Set(warnings)]
}

// internal

async function pricesIn(store: Store, hash: string): Promise<Prices> {
  const { content, name } = readText(store, hash)
  return parsePrices(content, name)
}
