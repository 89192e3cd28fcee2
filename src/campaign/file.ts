import { z } from "zod"
import { definedOnly } from "../lib/defined.ts"
import { type File, find } from "../lib/discovery.ts"
import { duration } from "../lib/duration-schema.ts"
import { parseYaml } from "../lib/yaml.ts"
import { type Platform, PLATFORMS } from "../lab/lab.ts"
import { type Verdict, VERDICTS } from "../eval/verdict.ts"
import { ON_RESTART, type OnRestart, type TrialLimits } from "../store/trials.ts"

/** A campaign as it was asked for, in the words of the design. */
export interface CampaignRequest {
  name: string
  about?: string | undefined
  subjects: string[]
  faults: FaultRequest[]
  variants: string[]
  /** Left out: where each subject runs by default. */
  platform?: Platform | undefined
  /** Repetitions of each cell with each variant. */
  trials: number
  seed: number
  /** Trials that run at once. */
  parallel: number
  /** Between the end of one trial and the next in its place. */
  cooldown_ms: number
  limits: Partial<TrialLimits>
  /** The most that all of it may cost. Null: no bound of its own. */
  limit_usd: number | null
  requirements: Requirement[]
}

export interface FaultRequest {
  fault: string
  targets: string[]
  /** Each parameter with all the values that it is to have: a cell for each combination. */
  params: Record<string, unknown[]>
  /** Left out: it is applied again. */
  on_restart?: OnRestart | undefined
}

/** What must be true of the results, else the campaign's exit code is 3. What is left out means any. */
export interface Requirement {
  subject?: string | undefined
  fault?: string | undefined
  variant?: string | undefined
  verdict: Verdict[]
  /** The share of the chosen trials that must have one of the verdicts. */
  at_least: number
}

/** A campaign by its name or its file; what does not fit is a UsageError with the place. */
export async function findCampaign(word: string): Promise<CampaignRequest> {
  return readCampaign(find("campaigns", word, "campaign"))
}

export function readCampaign({ text, file, name }: File): Promise<CampaignRequest> {
  return parseCampaign(text, file, name)
}

/** Reads a campaign. Files of the earlier laboratory are read as well: their words mean what ours mean. */
export async function parseCampaign(text: string, file: string, fallbackName: string): Promise<CampaignRequest> {
  const read = await parseYaml(text, file, campaignFile)
  const variants = read.variants ?? (read.variant === undefined ? [] : [read.variant])
  const { usd, ...limits } = read.limits
  const baseline = read.include_baseline && !variants.includes("nobody") ? ["nobody"] : []
  return {
    name: read.name ?? fallbackName,
    about: read.about,
    subjects: read.subjects,
    faults: (read.faults ?? read.chaos_types ?? []).map(faultRequest),
    variants: [...baseline, ...variants],
    platform: read.platform,
    trials: read.trials ?? read.trials_per_combination ?? 1,
    seed: read.seed,
    parallel: read.parallel,
    cooldown_ms: read.cooldown ?? (read.cooldown_seconds ?? 0) * 1_000,
    limits: definedOnly(limits),
    limit_usd: usd ?? null,
    requirements: read.require,
  }
}

// internal

const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.union([item.transform((one) => [one]), z.array(item).min(1, "at least one")])

const fault = z.union([
  z.string().transform((fault) => ({ fault, type: undefined, target: ["one"], params: {}, on_restart: undefined })),
  z
    .strictObject({
      fault: z.string().optional(),
      type: z.string().optional(),
      target: oneOrMore(z.string()).default(["one"]),
      params: z.record(z.string(), z.unknown()).default({}),
      on_restart: z.enum(ON_RESTART).optional(),
    })
    .refine(({ fault, type }) => (fault === undefined) !== (type === undefined), "needs the name of a `fault`"),
])

const requirement = z.strictObject({
  subject: z.string().optional(),
  fault: z.string().optional(),
  variant: z.string().optional(),
  verdict: oneOrMore(z.enum(VERDICTS)),
  at_least: z.number().min(0).max(1).default(1),
})

const limits = z
  .strictObject({
    deadline: duration.optional(),
    symptom_within: duration.optional(),
    stable: duration.optional(),
    verify: duration.optional(),
    give_up_grace: duration.optional(),
    attempts: z.number().int().positive().optional(),
    usd: z.number().positive().optional(),
  })
  .transform((limits) => ({
    deadline_ms: limits.deadline,
    symptom_within_ms: limits.symptom_within,
    stable_ms: limits.stable,
    verify_ms: limits.verify,
    give_up_grace_ms: limits.give_up_grace,
    attempts: limits.attempts,
    usd: limits.usd,
  }))

/** Two words for one thing: the design's, and the earlier laboratory's. */
const SYNONYMS = [
  ["faults", "chaos_types"],
  ["trials", "trials_per_combination"],
  ["variants", "variant"],
  ["cooldown", "cooldown_seconds"],
] as const

const campaignFile = z
  .strictObject({
    name: z.string().optional(),
    about: z.string().optional(),
    subjects: z.array(z.string()).min(1, "at least one subject"),
    faults: z.array(fault).min(1, "at least one fault").optional(),
    chaos_types: z.array(fault).min(1, "at least one fault").optional(),
    variants: z.array(z.string()).min(1, "at least one variant").optional(),
    variant: z.string().optional(),
    platform: z.enum(PLATFORMS).optional(),
    include_baseline: z.boolean().default(false),
    trials: z.number().int().positive().optional(),
    trials_per_combination: z.number().int().positive().optional(),
    seed: z.number().int().nonnegative().default(1),
    parallel: z.number().int().positive().default(1),
    cooldown: duration.optional(),
    cooldown_seconds: z.number().nonnegative().optional(),
    limits: limits.prefault({}),
    require: z.array(requirement).default([]),
  })
  .superRefine((campaign, context) => {
    for (const [word, earlier] of SYNONYMS) {
      if (campaign[word] === undefined || campaign[earlier] === undefined) continue
      context.addIssue({ code: "custom", path: [earlier], message: `says the same as \`${word}\`: keep one of them` })
    }
    if (campaign.faults === undefined && campaign.chaos_types === undefined) {
      context.addIssue({ code: "custom", path: [], message: "there is no `faults`: say how the subjects are broken" })
    }
    if (campaign.variants === undefined && campaign.variant === undefined && !campaign.include_baseline) {
      context.addIssue({ code: "custom", path: [], message: "there is no `variants`: say who repairs them" })
    }
  })

function faultRequest(read: z.output<typeof fault>): FaultRequest {
  const params = Object.entries(read.params).map(([name, value]) => [
    name,
    Array.isArray(value) ? (value as unknown[]) : [value],
  ])
  return {
    fault: read.fault ?? read.type ?? "",
    targets: read.target,
    params: Object.fromEntries(params) as FaultRequest["params"],
    ...(read.on_restart && { on_restart: read.on_restart }),
  }
}
