import { z } from "zod"
import { waitUntil } from "../../lib/clock.ts"
import { Interrupted, UsageError } from "../../lib/errors.ts"
import type { Lab } from "../../lab/lab.ts"
import type { Subject } from "../../lab/subject.ts"
import { isNoFault } from "../../store/injections.ts"
import type { AnyFault, Catalogue, Confirmed, Draw, Fault, Part } from "../fault.ts"
import { chooseTargets, groupOf } from "../targets.ts"

/** Two share nodes and a moment; more than a few are no story that an agent could unravel. */
const MAX_PARTS = 5
const MAX_AFTER_MS = 60_000

const part = z.strictObject({
  fault: z.string(),
  target: z.string().default("one"),
  params: z.record(z.string(), z.unknown()).default({}),
  after_ms: z.number().min(0).max(MAX_AFTER_MS).default(0),
})
const params = z.strictObject({
  faults: z
    .array(part)
    .min(2)
    .max(MAX_PARTS)
    .describe("what is broken: a list of {fault, target, params, after_ms}, each so long after the one before it"),
})
type Params = z.output<typeof params>

interface PartPlan {
  fault: string
  after_ms: number
  plan: Record<string, unknown>
}

/** Several faults at once or one after another, under one record. A restart takes away from it what a restart takes away. */
export function combined(catalogue: Catalogue): Fault<Params, { parts: PartPlan[] }> {
  const { find, paramsOf } = catalogue
  const planned = (lab: Lab, { parts }: { parts: PartPlan[] }) =>
    parts.map((one) => ({ ...one, of: find(one.fault, lab.subject) }))
  return {
    name: "combined",
    about: "Several faults, at once or staggered",
    params,
    check: (subject, { faults }) => {
      for (const { fault: name, params: given } of faults) {
        const fault = find(name, subject)
        if (isNoFault(name) || name === "combined") {
          throw new UsageError(`combined is made of faults that break something, and ${name} is none`)
        }
        paramsOf(fault, subject, given)
      }
      const kinds = faults.map(({ fault, target }) => `${fault} at ${target}`)
      const twice = kinds.find((kind, place) => kinds.indexOf(kind) !== place)
      if (twice !== undefined)
        throw new UsageError(`combined has ${twice} twice: each would take the other's for what was before`)
    },
    platforms: ["process", "docker"],
    heals_itself: false,
    parts: (subject, { faults }, seed) => faults.map((one, index) => partOf(catalogue, subject, one, seed + index)),
    plan: async (lab, _targets, { faults }, draw) => {
      const parts: PartPlan[] = []
      for (const [index, one] of faults.entries()) {
        const { fault, services, params } = partOf(catalogue, lab.subject, one, draw.seed + index)
        const of_part: Draw = { id: `${draw.id}${index}`, seed: draw.seed + index }
        const targets = (await lab.nodes()).filter(({ service }) => services.includes(service))
        const plan = await fault.plan(lab, targets, params, of_part)
        parts.push({ fault: one.fault, after_ms: one.after_ms, plan })
      }
      return { parts }
    },
    inject: async (lab, plan, signal) => {
      for (const { of, after_ms, plan: its } of planned(lab, plan)) {
        if (after_ms > 0) await waitUntil(() => false, { timeout_ms: after_ms, every_ms: after_ms, signal })
        if (signal?.aborted) throw new Interrupted("interrupted before all of it was there")
        await of.inject(lab, its, signal)
      }
    },
    probe: async (lab, plan) => {
      const seen = await Promise.all(planned(lab, plan).map(({ of, plan: its }) => of.probe(lab, its)))
      if (seen.includes("active")) return "active"
      return seen.every((one) => one === "void") ? "void" : "gone"
    },
    confirm: async (lab, plan) => {
      const all = await Promise.all(planned(lab, plan).map((one) => confirmPart(lab, one)))
      const worst = (["ineffective", "inconclusive"] as const).find((one) =>
        all.some(({ confirmation }) => confirmation === one),
      )
      return { confirmation: worst ?? "confirmed", evidence: all.map(({ evidence }) => evidence).join("; ") }
    },
    revert: async (lab, plan) => {
      const failures: unknown[] = []
      // In turn: what came last may stand on what came before.
      for (const { of, plan: its } of planned(lab, plan).toReversed()) {
        await of.revert(lab, its).catch((error: unknown) => failures.push(error))
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}

// internal

function partOf({ find, paramsOf }: Catalogue, subject: Subject, part: Params["faults"][number], seed: number): Part {
  const fault = find(part.fault, subject)
  return {
    fault,
    services: chooseTargets(part.target, subject, groupOf(fault, subject), seed),
    params: paramsOf(fault, subject, part.params),
  }
}

async function confirmPart(lab: Lab, { fault, of, plan }: PartPlan & { of: AnyFault }): Promise<Confirmed> {
  const said = of.confirm
    ? await of.confirm(lab, plan)
    : (await of.probe(lab, plan)) === "active"
      ? { confirmation: "confirmed" as const, evidence: "it is there" }
      : { confirmation: "ineffective" as const, evidence: "it is not there" }
  return { ...said, evidence: `${fault}: ${said.evidence}` }
}
