import { type CampaignRequest, findCampaign } from "../../campaign/file.ts"
import { definedOnly } from "../../lib/defined.ts"
import { UsageError } from "../../lib/errors.ts"
import type { Platform } from "../../lab/lab.ts"
import { parseParams } from "../params.ts"

/** What is said of a campaign on the command line. */
export interface Flags {
  file?: string | undefined
  subject?: readonly string[] | undefined
  fault?: readonly string[] | undefined
  variant?: readonly string[] | undefined
  target?: readonly string[] | undefined
  param?: readonly string[] | undefined
  trials?: number | undefined
  parallel?: number | undefined
  platform?: Platform | undefined
  seed?: number | undefined
  deadline?: number | undefined
  stable?: number | undefined
  verify?: number | undefined
  "symptom-within"?: number | undefined
  grace?: number | undefined
  usd?: number | undefined
}

/** A campaign from its file, or from flags: each of the subjects with each of the faults. What flags say counts more than the file. */
export async function requested(flags: Flags): Promise<CampaignRequest> {
  return withFlags(await fromFileOrFlags(flags), flags)
}

// internal

async function fromFileOrFlags(flags: Flags): Promise<CampaignRequest> {
  const { file, subject = [], fault = [], variant = [], target = [], param } = flags
  if (file !== undefined) {
    const given = (["subject", "fault", "target", "param"] as const).find((name) => (flags[name]?.length ?? 0) > 0)
    if (given !== undefined) throw new UsageError(`--${given} stands instead of a file, and ${file} is one`)
    return findCampaign(file)
  }
  if (subject.length === 0 || fault.length === 0 || variant.length === 0) {
    throw new UsageError("name a campaign, or --subject, --fault and --variant", {
      hint: "operator campaign quickstart",
    })
  }
  const params = Object.fromEntries(Object.entries(parseParams(param ?? [])).map(([name, value]) => [name, [value]]))
  return {
    name: `${subject.join(" ")} ${fault.join(" ")}`,
    subjects: [...subject],
    faults: fault.map((one) => ({ fault: one, targets: target.length > 0 ? [...target] : ["one"], params })),
    variants: [...variant],
    trials: 1,
    seed: 1,
    parallel: 1,
    cooldown_ms: 0,
    limits: {},
    limit_usd: null,
    requirements: [],
  }
}

function withFlags(request: CampaignRequest, flags: Flags): CampaignRequest {
  const limits = {
    deadline_ms: flags.deadline,
    stable_ms: flags.stable,
    verify_ms: flags.verify,
    symptom_within_ms: flags["symptom-within"],
    give_up_grace_ms: flags.grace,
  }
  return {
    ...request,
    trials: flags.trials ?? request.trials,
    platform: flags.platform ?? request.platform,
    parallel: flags.parallel ?? request.parallel,
    seed: flags.seed ?? request.seed,
    variants: flags.variant?.length ? [...flags.variant] : request.variants,
    limits: { ...request.limits, ...definedOnly(limits) },
    limit_usd: flags.usd ?? request.limit_usd,
  }
}
