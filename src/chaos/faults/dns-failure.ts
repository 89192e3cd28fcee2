import { z } from "zod"
import { UsageError } from "../../lib/errors.ts"
import type { Container } from "../../lab/platforms/docker/containers.ts"
import { containersOf, incarnation } from "../../lab/platforms/docker/helper.ts"
import { type NetworkPlan, ruleFault } from "../network/fault.ts"
import { DNS_ADDRESS, feelNames } from "../network/felt.ts"
import { chainOf, type Rules } from "../network/rules.ts"
import { requireNodes } from "../targets.ts"

const params = z.strictObject({
  mode: z.enum(["timeout", "refused"]).default("timeout").describe("no answer at all, or a refusal at once"),
})

/** Names are translated for an address of the engine's before a filter sees the packet, so its address is what tells them, not the port. */
const RULES_OF: Record<z.output<typeof params>["mode"], Rules> = {
  // Where it comes in: a question that may not leave would fail at once.
  timeout: { in: [`-d ${DNS_ADDRESS} -j DROP`], out: [] },
  refused: { in: [], out: [`-d ${DNS_ADDRESS} -j REJECT`] },
}

/** The target cannot look up names; connections that are open, and addresses, are as before. */
export const dnsFailure = ruleFault<z.output<typeof params>>({
  name: "dns_failure",
  about: "Takes the names of other services away from a node; connections that are open stay",
  params,
  plan: async (lab, targets, { mode }, { id }): Promise<NetworkPlan> => {
    requireNodes("dns_failure", targets)
    const living = (await containersOf(lab.id)).filter(({ address }) => address !== undefined)
    const own = living.filter(({ name }) => targets.some((target) => target.name === name))
    const [target, other] = [own[0], living.find((one) => !own.includes(one))]
    if (!target) throw new UsageError("dns_failure: its target is not there to be worked on")
    const name = (other ?? target).service
    const asking = (from: Container) => ({ from: incarnation(from), to: name, at: incarnation(from) })
    return {
      changes: own.map((one) => ({ node: incarnation(one), chain: chainOf(id), rules: RULES_OF[mode] })),
      affected: asking(target),
      control: other ? asking(other) : null,
    }
  },
  feel: feelNames,
  isFelt: ({ lost, sent }) => lost === sent,
})
