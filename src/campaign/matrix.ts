import { ATTEMPTS } from "../agent/limits.ts"
import { builtInPrices, type Prices } from "../agent/prices.ts"
import { promptOf } from "../agent/prompt.ts"
import { findVariant, isClaude, type Variant } from "../agent/variant.ts"
import { findFault, paramsOf } from "../chaos/catalogue.ts"
import { refuseWatching } from "../chaos/guard-rails.ts"
import { chooseTargets, groupOf } from "../chaos/targets.ts"
import { cellKey } from "../eval/summary.ts"
import { UsageError } from "../lib/errors.ts"
import { sha256 } from "../lib/ids.ts"
import { shuffled } from "../lib/random.ts"
import type { Platform } from "../lab/lab.ts"
import { findSubject } from "../lab/parse-subject.ts"
import { platformFor } from "../lab/raise.ts"
import type { Subject } from "../lab/subject.ts"
import type { Store } from "../store/open.ts"
import { keepText } from "../store/texts.ts"
import type { NewTrial, TrialLimits } from "../store/trials.ts"
import type { CampaignRequest, FaultRequest } from "./file.ts"

/** For a campaign that says nothing else. */
const DEFAULT_TRIAL_LIMITS: TrialLimits = {
  deadline_ms: 600_000,
  symptom_within_ms: 60_000,
  stable_ms: 10_000,
  verify_ms: 5_000,
  give_up_grace_ms: 20_000,
  attempts: ATTEMPTS,
}

/** More than anybody runs; a slip in a list of parameters is likelier. */
const MAX_TRIALS = 100_000

export type PlannedTrial = Omit<NewTrial, "id" | "campaign" | "attempt" | "environment"> & {
  /** Where its lab runs, when that is not where its subject runs by default. */
  platform?: Platform
}

export interface Matrix {
  name: string
  /** Of the name and of everything that decides a trial, texts included. */
  hash: string
  trials: PlannedTrial[]
}

/**
 * Resolves a request: every name is looked up and every text kept, so that a mistake shows before anything runs. A cell's
 * repetition has the same seed under every variant. Each block holds one repetition of everything, in an order of its own,
 * so that a drift of the machine does not fall on one variant. `prices` stands instead of the built-in table, which goes with
 * trials of Claude alone.
 */
export async function resolveMatrix(
  store: Store,
  request: CampaignRequest,
  { prices }: { prices?: Prices | undefined } = {},
): Promise<Matrix> {
  const subjects = await Promise.all(unique(request.subjects, "subject").map(findSubject))
  const variants = await Promise.all(unique(request.variants, "variant").map(findVariant))
  const cells = subjects.flatMap((subject) =>
    request.faults.flatMap((fault) => cellsOf(store, subject, fault, request)),
  )
  refuseTwins(cells)
  const count = cells.length * variants.length * request.trials
  if (count > MAX_TRIALS) throw new UsageError(`${request.name}: ${count} trials are more than ${MAX_TRIALS}`)

  const limits = { ...DEFAULT_TRIAL_LIMITS, ...request.limits }
  const table = prices ?? (await builtInPrices())
  const arms = variants.map((variant) => ({
    variant: variant.name,
    variant_text: keepText(store, "variant", variant.file, variant.text),
    ...(isClaude(variant) && { prompt_text: keptPrompt(store, variant) }),
    ...((prices || isClaude(variant)) && { prices_text: keepText(store, "prices", table.file, table.text) }),
  }))
  const trials = Array.from({ length: request.trials }, (_, index) => {
    const seed = request.seed + index
    const block = cells.flatMap((cell) => arms.map((arm) => ({ ...cell, ...arm, limits, repetition: index + 1, seed })))
    return shuffled(block, seed)
  }).flat()
  return { name: request.name, hash: sha256(JSON.stringify([request.name, trials])), trials }
}

/** What a campaign in the store was to run, when it was begun. */
export function storedTrials(matrix: string): PlannedTrial[] {
  return JSON.parse(matrix) as PlannedTrial[]
}

// internal

type Cell = Pick<PlannedTrial, "subject" | "subject_text" | "fault" | "target" | "params" | "platform" | "on_restart">

function cellsOf(
  store: Store,
  subject: Subject,
  request: FaultRequest,
  { seed, platform: asked }: Pick<CampaignRequest, "seed" | "platform">,
): Cell[] {
  const platform = platformFor(subject, asked)
  const elsewhere = platform === platformFor(subject, undefined) ? {} : { platform }
  // What is as usual is no part of what makes a campaign the same.
  const on_restart = request.on_restart === "void" ? { on_restart: request.on_restart } : {}
  const fault = findFault(request.fault, subject)
  const group = groupOf(fault, subject)
  const subject_text = keepText(store, "subject", subject.file, subject.text)
  return request.targets.flatMap((word) =>
    combinations(request.params).map((params) => {
      // A fault of the subject as a whole has no group to draw one node from.
      const target = group === undefined && word === "one" ? "all" : word
      paramsOf(fault, subject, params)
      refuseWatching(subject, fault, chooseTargets(target, subject, group, seed))
      return { subject: subject.name, subject_text, fault: fault.name, target, params, ...elsewhere, ...on_restart }
    }),
  )
}

function combinations(params: Record<string, unknown[]>): Record<string, unknown>[] {
  return Object.entries(params).reduce<Record<string, unknown>[]>(
    (made, [name, values]) => made.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  )
}

function keptPrompt(store: Store, variant: Variant): string {
  const { name, text } = promptOf(variant)
  return keepText(store, "prompt", name, text)
}

function unique(names: string[], what: string): string[] {
  const twice = names.find((name, place) => names.indexOf(name) !== place)
  if (twice === undefined) return names
  throw new UsageError(`the ${what} "${twice}" is named twice`, { hint: "`trials` (or -n) repeats trials" })
}

function refuseTwins(cells: Cell[]): void {
  const keys = cells.map(cellKey)
  const twin = cells[keys.findIndex((key, place) => keys.indexOf(key) !== place)]
  if (twin)
    throw new UsageError(`${twin.fault} at ${twin.target} of ${twin.subject} is there twice with the same parameters`)
}
