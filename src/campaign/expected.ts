import type { Variant } from "../agent/variant.ts"
import { findFault } from "../chaos/catalogue.ts"
import type { AnyFault } from "../chaos/fault.ts"
import { earlierTrials, type Took } from "../eval/durations.ts"
import { median } from "../eval/stats/survival.ts"
import { storedSubject } from "../lab/parse-subject.ts"
import { platformFor } from "../lab/raise.ts"
import { isNoFault } from "../store/injections.ts"
import type { Store } from "../store/open.ts"
import type { TrialLimits } from "../store/trials.ts"
import { variantOf } from "./claude.ts"
import type { PlannedTrial } from "./matrix.ts"

/** How long a trial is expected to take. */
export interface Expected extends Took {
  /** Earlier trials of its kind, of which this is the median. 0: it is an estimate. */
  earlier: number
}

/** What decides how long a trial takes. */
type Kind = Pick<
  PlannedTrial,
  "subject" | "subject_text" | "fault" | "variant" | "variant_text" | "limits" | "platform"
>

export type Expectation = (trial: Kind) => Expected

/**
 * What to expect of trials: the median of earlier ones with the same subject, fault, variant and limits in the store. Else,
 * where nothing is broken, all of `symptom_within`, or `stable` after the agent was called; where nobody repairs, all of the
 * deadline; else a short repair and `stable`.
 */
export async function expectTrials(store: Store, trials: readonly PlannedTrial[]): Promise<Expectation> {
  const known = new Map<string, Expected>()
  for (const trial of trials) {
    const key = kindOf(trial)
    if (!known.has(key)) known.set(key, fromEarlier(earlierTrials(store, trial)) ?? (await estimate(store, trial)))
  }
  return (trial) => {
    const expected = known.get(kindOf(trial))
    if (!expected) throw new Error(`nothing is expected of ${trial.fault} with ${trial.variant}`)
    return expected
  }
}

/** How long trials take together, and which share of that is known from earlier ones. */
export interface ExpectedTotal {
  total_ms: number
  /** 0 to 1. */
  from_earlier: number
}

/** All of them, `parallel` at a time. The next ones come up meanwhile, unless there is a pause between trials. */
export function expectAll(
  trials: readonly Expected[],
  { parallel, cooldown_ms }: { parallel: number; cooldown_ms: number },
): ExpectedTotal {
  const first_ms = Math.max(0, ...trials.slice(0, parallel).map(({ preparing_ms }) => preparing_ms))
  const each_ms = trials.map(({ preparing_ms, running_ms }) =>
    cooldown_ms > 0 ? preparing_ms + running_ms + cooldown_ms : running_ms,
  )
  const known_ms = each_ms.filter((_, place) => trials[place]!.earlier > 0)
  const [all_ms, longest_ms] = [sum(each_ms), each_ms.reduce((longest, one) => Math.max(longest, one), 0)]
  return {
    total_ms: Math.round((cooldown_ms > 0 ? 0 : first_ms) + Math.max(longest_ms, all_ms / parallel)),
    from_earlier: all_ms === 0 ? 0 : sum(known_ms) / all_ms,
  }
}

// internal

/** A lab made of local processes, or of containers, before `ready.stable` begins. */
const BOOT_MS = { process: 1_000, docker: 6_000 }
/** A symptom, a ticket, and the few commands of a control. */
const REPAIR_MS = 2_000
/** The revert, the check of the ledger, the lab's end. */
const HEAL_MS = 500

const sum = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0)

const kindOf = ({ subject_text, fault, variant_text, limits }: Kind) =>
  JSON.stringify([subject_text, fault, variant_text, limits])

function fromEarlier(earlier: readonly Took[]): Expected | undefined {
  const middle = (times_ms: number[]) => Math.round(median(times_ms.map((ms) => ({ ms, censored: false })))?.ms ?? 0)
  if (earlier.length === 0) return undefined
  return {
    preparing_ms: middle(earlier.map(({ preparing_ms }) => preparing_ms)),
    running_ms: middle(earlier.map(({ running_ms }) => running_ms)),
    earlier: earlier.length,
  }
}

async function estimate(store: Store, trial: Kind): Promise<Expected> {
  const subject = await storedSubject(store, trial)
  const variant = await variantOf(store, trial)
  const fault = findFault(trial.fault, subject)
  const watched_ms = watchedFor(fault, variant, trial.limits)
  const boot_ms = BOOT_MS[platformFor(subject, trial.platform)]
  return { preparing_ms: boot_ms + subject.ready.stable, running_ms: watched_ms + HEAL_MS, earlier: 0 }
}

function watchedFor(fault: AnyFault, variant: Variant, limits: TrialLimits): number {
  const { symptom_within_ms, deadline_ms, stable_ms, verify_ms } = limits
  if (fault.calls !== undefined) return REPAIR_MS + (fault.calls === "too_late" ? 2 : 1) * stable_ms
  if (isNoFault(fault.name)) return symptom_within_ms
  if (variant.model === "nobody" && !fault.heals_itself) return deadline_ms
  return Math.min(REPAIR_MS + Math.max(stable_ms, verify_ms), deadline_ms)
}
