import { provideKitchen } from "../lab/platforms/docker/kitchen-image.ts"
import { storedSubject } from "../lab/parse-subject.ts"
import { dockerEngine } from "../lab/platforms/docker/engine.ts"
import { platformFor, prepareLabs } from "../lab/raise.ts"
import type { Store } from "../store/open.ts"
import { variantOf } from "./claude.ts"
import type { PlannedTrial } from "./matrix.ts"

/**
 * What trials need, before any of them begins: once for all of them, and not while a fault waits to be noticed. Throws a UsageError
 * for a subject that no lab can be made of, and an EnvironmentError for what this machine lacks. Missing images are provided.
 */
export async function prepareTrials(store: Store, trials: readonly PlannedTrial[]): Promise<void> {
  const kinds = Map.groupBy(trials, ({ subject_text, platform }) => `${subject_text} ${platform}`)
  let kitchens = false
  for (const kind of kinds.values()) {
    const subject = await storedSubject(store, kind[0]!)
    const platform = platformFor(subject, kind[0]!.platform)
    await prepareLabs(subject, platform)
    if (platform === "docker") kitchens ||= await hasAgents(store, kind)
  }
  if (kitchens) await provideKitchen(dockerEngine())
}

// internal

async function hasAgents(store: Store, trials: readonly PlannedTrial[]): Promise<boolean> {
  const texts = new Set(trials.map(({ variant_text }) => variant_text))
  for (const variant_text of texts) if ((await variantOf(store, { variant_text })).model !== "nobody") return true
  return false
}
