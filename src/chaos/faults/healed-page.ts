import { z } from "zod"
import { UsageError } from "../../lib/errors.ts"
import type { Lab, Node } from "../../lab/lab.ts"
import { isNoFault } from "../../store/injections.ts"
import type { AnyFault, Catalogue, Fault } from "../fault.ts"
import { chooseTargets, groupOf } from "../targets.ts"

interface HealedPagePlan extends Record<string, unknown> {
  fault: string
  plan: Record<string, unknown>
}

/**
 * Breaks the lab with another fault, which a trial takes back once it has opened a ticket; only then is the agent called. What
 * it is told was true, and is not any longer.
 */
export function healedPage({ find, paramsOf }: Catalogue): Fault<{ fault: string }, HealedPagePlan> {
  const inner = (lab: Lab, { fault }: { fault: string }) => find(fault, lab.subject)
  return {
    name: "healed_page",
    about: "Calls the agent to a fault that has gone by then: it ought to leave the lab alone",
    params: z.strictObject({ fault: z.string().default("node_kill").describe("what was broken") }),
    check: (subject, params) => {
      if (!isNoFault(find(params.fault, subject).name)) return
      throw new UsageError(`healed_page needs a fault that breaks something, and ${params.fault} does not`)
    },
    platforms: ["process", "docker"],
    heals_itself: true,
    calls: "too_late",
    plan: async (lab, targets, params, draw) => {
      const fault = inner(lab, params)
      const nodes = targets.length > 0 ? targets : await ownTargets(lab, fault, draw.seed)
      return { fault: params.fault, plan: await fault.plan(lab, nodes, paramsOf(fault, lab.subject, {}), draw) }
    },
    inject: (lab, plan) => inner(lab, plan).inject(lab, plan.plan),
    probe: (lab, plan) => inner(lab, plan).probe(lab, plan.plan),
    revert: (lab, plan) => inner(lab, plan).revert(lab, plan.plan),
  }
}

// internal

/** One node of the group that the subject says the other fault is of. */
async function ownTargets(lab: Lab, fault: AnyFault, seed: number): Promise<Node[]> {
  const group = groupOf(fault, lab.subject)
  const services = group === undefined ? [] : chooseTargets("one", lab.subject, group, seed)
  return (await lab.nodes()).filter(({ service }) => services.includes(service))
}
