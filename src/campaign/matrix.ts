import { arch, platform, release } from "node:os"
import { findVariant } from "../agent/variant.ts"
import { findFault } from "../chaos/catalogue.ts"
import { chooseTargets } from "../chaos/targets.ts"
import { sha256 } from "../lib/ids.ts"
import { findSubject } from "../lab/parse-subject.ts"
import { VERSION } from "../lib/version.ts"
import type { NewTrial, TrialLimits } from "../store/trials.ts"
import type { Store } from "../store/open.ts"
import { keepText } from "../store/texts.ts"

/** What a campaign asks for: one cell for now, with as many repetitions as wanted. */
export interface Request {
  subject: string
  fault: string
  target: string
  params: Record<string, unknown>
  variants: readonly string[]
  repetitions: number
  seed: number
  limits: TrialLimits
}

/** DESIGN section 10. */
export const DEFAULT_TRIAL_LIMITS: TrialLimits = {
  deadline_ms: 600_000,
  symptom_within_ms: 60_000,
  stable_ms: 10_000,
  verify_ms: 5_000,
  give_up_grace_ms: 20_000,
  attempts: 2,
}

export type PlannedTrial = Omit<NewTrial, "id" | "campaign" | "attempt">

export interface Matrix {
  name: string
  hash: string
  text: string
  trials: PlannedTrial[]
}

/**
 * Resolves a request: every name is looked up and every text kept, so that a mistake shows before anything runs. The same
 * repetition has the same seed under every variant.
 */
export async function resolveMatrix(store: Store, request: Request): Promise<Matrix> {
  const subject = await findSubject(request.subject)
  const fault = findFault(request.fault, subject)
  const group = subject.faults[fault.name]?.group
  const target = group === undefined && request.target === "one" ? "all" : request.target
  chooseTargets(target, subject, group, request.seed)
  const variants = await Promise.all(request.variants.map(findVariant))

  const shared = {
    subject: subject.name,
    fault: fault.name,
    target,
    params: request.params,
    limits: request.limits,
    subject_text: keepText(store, "subject", subject.file, subject.text),
    environment: { operator: VERSION, bun: Bun.version, kernel: `${platform()} ${release()} ${arch()}` },
  }
  const trials = Array.from({ length: request.repetitions }, (_, index) =>
    variants.map((variant) => ({
      ...shared,
      variant: variant.name,
      variant_text: keepText(store, "variant", variant.file, variant.text),
      repetition: index + 1,
      seed: request.seed + index,
    })),
  ).flat()
  const text = JSON.stringify({
    ...shared,
    environment: undefined,
    variants: variants.map(({ text }) => sha256(text)),
    repetitions: request.repetitions,
    seed: request.seed,
  })
  return { name: `${subject.name} ${fault.name}`, hash: sha256(text), text, trials }
}
