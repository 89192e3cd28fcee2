import type { Store } from "../store/open.ts"
import { type Arm, armOf, attemptsOf } from "./arm.ts"
import { trialsAt } from "./sides.ts"
import { armKey, summariesOf } from "./summary.ts"

/** One cell under one variant in one campaign, among the same of other campaigns. */
export interface Chapter extends Arm {
  campaign: string
  /** When its first trial was made. */
  at: string
  /** What was changed since the same was tried before: then the numbers are not of the same thing. */
  changed: ("subject" | "variant" | "judge")[]
}

/** What came of a fault of a subject, of one variant or of all: by cell and variant, and in each the oldest campaign first. */
export function historyOf(store: Store, subject: string, fault: string, variant?: string): Chapter[] {
  const trials = trialsAt(store, subject, fault).filter((trial) => variant === undefined || trial.variant === variant)
  const by_arm = Map.groupBy(trials, armKey)
  return summariesOf(trials).flatMap((summary) => {
    let before = new Map<Chapter["changed"][number], string>()
    return [...Map.groupBy(by_arm.get(armKey(summary)) ?? [], ({ campaign }) => campaign)].map(
      ([campaign, attempts]) => {
        const { subject_text, variant_text, created_at } = attempts[0]!
        const judges = [...new Set(attempts.map(({ judge_version }) => judge_version))].sort().join()
        const now = new Map([
          ["subject", subject_text],
          ["variant", variant_text],
          ["judge", judges],
        ] as const)
        const changed = [...now.keys()].filter((what) => before.has(what) && before.get(what) !== now.get(what))
        before = now
        return { ...armOf(attemptsOf(summariesOf(attempts)[0]!, attempts)), campaign, at: created_at, changed }
      },
    )
  })
}
