import { UsageError } from "../../lib/errors.ts"
import type { Lab, Node } from "../../lab/lab.ts"
import type { Container } from "../../lab/platforms/docker/containers.ts"
import { containersOf, type Incarnation, incarnation } from "../../lab/platforms/docker/helper.ts"
import { members } from "../../lab/render.ts"
import type { Confirmed, Fault, Presence } from "../fault.ts"
import { groupOf } from "../targets.ts"
import { type Felt, feel, type Pair, showFelt } from "./felt.ts"
import { applyRules, chainOf, removeRules, type Ruled, type Rules, seeRules, showRules } from "./rules.ts"

/** A member of the lab's network, where it is now. */
export interface Place extends Incarnation {
  service: string
  address: string
}

/** Everything that undoing it takes: whose network, and which chains. */
export interface NetworkPlan {
  ruled: Ruled[]
  /** A way on which it is felt, and one on which it must not be. */
  affected: Pair
  control: Pair | null
}

/** What the faults made of rules have in common: `plan` says which rules, `isFelt` what they do to whoever goes the affected way. */
export function ruleFault<Params>(
  fault: Pick<Fault<Params, NetworkPlan>, "name" | "about" | "params" | "plan" | "spares_quorum"> & {
    isFelt(felt: Felt): boolean
    requests?: number
  },
): Fault<Params, NetworkPlan> {
  const { isFelt, requests, ...rest } = fault
  return {
    ...rest,
    platforms: ["docker"],
    of_nodes: true,
    heals_itself: false,
    isStale: ({ ruled }, { name, process }) =>
      ruled.some(({ node }) => node.node === name && node.started !== process?.started),
    inject: async (lab, { ruled }) => {
      await Promise.all(ruled.map((one) => applyRules(lab.id, one)))
    },
    probe: async (lab, { ruled }) => presenceOf(lab, ruled),
    confirm: (lab, plan) => confirm(lab, plan, isFelt, requests),
    revert: async (lab, { ruled }) => {
      const living = await livingOf(lab, ruled)
      await Promise.all(living.map((one) => removeRules(lab.id, one)))
    },
    steps: (_lab, { ruled }) => ({
      inject: ruled.flatMap(({ node, chain, rules }) =>
        showRules(chain, rules).map((rule) => `in ${node.node}: ${rule}`),
      ),
      undo: ruled.map(({ node, chain }) => `in ${node.node}: iptables: nothing of ${chain}`),
    }),
  }
}

/** Where the running nodes of some services are. Those that are paused have a network, too. */
export async function placesOf(lab: Lab, services: readonly string[]): Promise<Place[]> {
  const found = (await containersOf(lab.id)).filter(({ service }) => services.includes(service))
  return found.flatMap((one) => place(one) ?? [])
}

/** Who is on the other side: the named services or groups, else the rest of the fault's own group. */
export function peersOf(
  lab: Lab,
  fault: string,
  targets: readonly Node[],
  named: readonly string[] | undefined,
): string[] {
  const own = groupOf({ name: fault, of_nodes: true }, lab.subject) ?? []
  const services = named?.flatMap((name) => members(lab.subject, name)) ?? own
  const others = services.filter((service) => !targets.some((target) => target.service === service))
  if (others.length > 0) return [...new Set(others)]
  throw new UsageError(`${fault} needs somebody on the other side of ${targets.map(({ name }) => name).join(", ")}`, {
    hint: "name services or groups in the parameter `peers`",
  })
}

/** The same rules in the network of each target. It is felt on the way from a peer; two peers are for comparison. */
export function planAt(targets: readonly Place[], peers: readonly Place[], rules: Rules, id: string): NetworkPlan {
  const [target, peer, other] = [targets[0], peers[0], peers[1]]
  if (!target || !peer) throw new UsageError("neither the target nor its peers are there to be worked on")
  return {
    ruled: targets.map((one) => ({ node: life(one), chain: chainOf(id), rules })),
    affected: { from: life(peer), to: target.address },
    control: other ? { from: life(peer), to: other.address } : null,
  }
}

/** Of a place, what tells whether it is still the same. */
export function life({ node, container, started }: Place): Incarnation {
  return { node, container, started }
}

// internal

function place(container: Container): Place | undefined {
  const { address, service, process } = container
  return address === undefined || !process ? undefined : { ...incarnation(container), service, address }
}

/** Those whose network is the very one in which the rules are. */
async function livingOf(lab: Lab, ruled: readonly Ruled[]): Promise<Ruled[]> {
  const now = (await containersOf(lab.id)).map(incarnation)
  return ruled.filter(({ node }) =>
    now.some(({ container, started }) => container === node.container && started === node.started),
  )
}

async function presenceOf(lab: Lab, ruled: readonly Ruled[]): Promise<Presence> {
  const living = await livingOf(lab, ruled)
  const seen = await Promise.all(living.map((one) => seeRules(lab.id, one)))
  if (seen.some(({ there }) => there)) return "active"
  return living.length === 0 && ruled.length > 0 ? "void" : "gone"
}

async function confirm(
  lab: Lab,
  { ruled, affected, control }: NetworkPlan,
  isFelt: (felt: Felt) => boolean,
  requests: number | undefined,
): Promise<Confirmed> {
  const [on_way, beside] = await Promise.all([
    feel(lab.id, affected, requests),
    control ? feel(lab.id, control, requests) : undefined,
  ])
  const seen = await Promise.all(ruled.map((one) => seeRules(lab.id, one)))
  const hits = seen.reduce((sum, one) => sum + one.hits, 0)
  const evidence = [
    `${hits} packets met its rules at ${ruled.map(({ node }) => node.node).join(", ")}`,
    `on its way ${showFelt(on_way)}`,
    beside ? `elsewhere ${showFelt(beside)}` : "no way to compare with",
  ].join("; ")
  const alone = beside !== undefined && !isFelt(beside)
  if (!seen.some(({ there }) => there) || (!isFelt(on_way) && hits === 0))
    return { confirmation: "ineffective", evidence }
  return { confirmation: isFelt(on_way) && alone && hits > 0 ? "confirmed" : "inconclusive", evidence }
}
