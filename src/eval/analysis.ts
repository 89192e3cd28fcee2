import type { Store } from "../store/open.ts"
import { type Arm, armOf, attemptsOf, SEED } from "./arm.ts"
import { type CampaignOutcome, getOutcome } from "./campaigns.ts"
import { type Measured, measuredOf } from "./measured.ts"
import { type SeverityCurve, severityCurves } from "./severity.ts"
import { RESAMPLES } from "./stats/bootstrap.ts"
import { armKey, cellKey, summariesOf } from "./summary.ts"
import { type Total, totalOf } from "./totals.ts"
import { JUDGE_VERSION } from "./verdict.ts"

/** All that can be said of one or several campaigns. The same store gives the same value. */
export interface Analysis {
  campaigns: CampaignOutcome[]
  /** A row for each cell and variant, in the order of `summariesOf`. */
  arms: Arm[]
  /** A row for each variant, the most successful one first. */
  totals: Total[]
  severity: SeverityCurve[]
  /** By which judges the trials were judged; `current` is this program's. */
  judges: { current: number; versions: number[] }
  /** Confidence of every interval, and what its bootstraps were seeded with. */
  method: { confidence: 0.95; resamples: number; seed: number }
  /** What a reader of the numbers ought to know. */
  warnings: string[]
}

export function analyze(store: Store, campaigns: readonly string[]): Analysis {
  const trials = campaigns.flatMap((campaign) => measuredOf(store, { campaign }))
  const outcomes = campaigns.map((id) => {
    const outcome = getOutcome(store, id)
    if (!outcome) throw new Error(`the store lost the campaign ${id}`)
    return outcome
  })
  return analysisOf(outcomes, trials)
}

/** The same, of trials that were read already. */
export function analysisOf(campaigns: CampaignOutcome[], trials: readonly Measured[]): Analysis {
  const by_arm = Map.groupBy(trials, armKey)
  const arms = summariesOf(trials).map((summary) => attemptsOf(summary, by_arm.get(armKey(summary)) ?? []))
  const by_variant = Map.groupBy(arms, ({ summary }) => summary.variant)
  const totals = [...by_variant].map(([variant, cells]) => totalOf(variant, cells, (one) => by_variant.get(one) ?? []))
  const versions = [...new Set(trials.flatMap(({ judge_version }) => judge_version ?? []))].sort((a, b) => a - b)
  return {
    campaigns,
    arms: arms.map(armOf),
    totals: totals.sort((a, b) => (b.broken.rate ?? -1) - (a.broken.rate ?? -1)),
    severity: severityCurves(arms.flatMap(({ counted }) => counted)),
    judges: { current: JUDGE_VERSION, versions },
    method: { confidence: 0.95, resamples: RESAMPLES, seed: SEED },
    warnings: warningsOf(campaigns, trials, versions),
  }
}

// internal

function warningsOf(
  campaigns: readonly CampaignOutcome[],
  trials: readonly Measured[],
  versions: readonly number[],
): string[] {
  const unfinished = campaigns
    .filter(({ state }) => state !== "finished")
    .map(({ id, state, done, total }) => `${id} is ${state}: ${done} of ${total} trials`)
  const changed = (what: string, keyOf: (trial: Measured) => string, textOf: (trial: Measured) => string) =>
    [...Map.groupBy(trials, keyOf)]
      .filter(([, of_it]) => new Set(of_it.map(textOf)).size > 1)
      .map(([name]) => `the ${what} ${name} was changed between the campaigns: their trials are not of the same kind`)
  const old = versions.filter((version) => version !== JUDGE_VERSION)
  return [
    ...unfinished,
    ...changed(
      "subject",
      ({ subject }) => subject,
      ({ subject_text }) => subject_text,
    ),
    ...changed(
      "variant",
      ({ variant }) => variant,
      ({ variant_text }) => variant_text,
    ),
    ...(old.length > 0
      ? [`judged by version ${old.join(" and ")}; this is judge ${JUDGE_VERSION}: operator eval regrade judges anew`]
      : []),
    ...(trials.length > 0 && new Set(trials.map(cellKey)).size === 1
      ? ["one cell: nothing is said about other faults"]
      : []),
  ]
}
