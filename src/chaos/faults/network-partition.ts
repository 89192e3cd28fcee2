import { z } from "zod"
import { UsageError } from "../../lib/errors.ts"
import { cutsOf, uncut } from "../network/cuts.ts"
import { type NetworkPlan, ruleFault } from "../network/fault.ts"
import { life, pairOf, peersOf, type Place, placesOf } from "../network/places.ts"
import { chainOf, type Ruled } from "../network/rules.ts"
import { peers } from "../network/peers.ts"
import { requireNodes } from "../targets.ts"

const params = z.strictObject({
  topology: z
    .enum(["split", "bridge"])
    .default("split")
    .describe("split: the target from its peers; bridge: two halves of the peers, both of which the target sees"),
  direction: z
    .enum(["both", "in", "out"])
    .default("both")
    .describe("as the target sees it; in: it hears nobody, out: nobody hears it"),
  peers,
})

/** Packets between the target and its peers are dropped, on both sides. */
export const networkPartition = ruleFault<z.output<typeof params>>({
  name: "network_partition",
  about: "Cuts nodes off from their peers; their clients still reach them",
  params,
  plan: async (lab, targets, { topology, direction, peers }, { id }): Promise<NetworkPlan> => {
    requireNodes("network_partition", targets)
    const chosen = targets.map(({ service }) => service)
    const all = [...chosen, ...peersOf(lab, "network_partition", targets, peers)]
    const { needed: places, beside } = await placesOf(lab, all)
    const cuts = cutsOf(topology, chosen, all)
    const blocked = cuts.flatMap(([a, b]) => ways(places, a, b, topology === "bridge" ? "both" : direction))
    const [affected] = blocked.map(({ from, to }) => pairOf(from, to))
    if (!affected) throw new UsageError("network_partition: neither the target nor its peers are there to be worked on")
    const known = [...places, ...beside]
    const [one, other] = uncut(cuts, [...all, ...beside.map(({ service }) => service)]) ?? []
    const control = one !== undefined && other !== undefined ? ways(known, one, other, "out")[0] : undefined
    return {
      changes: places.flatMap((one) => rulesAt(one, blocked, chainOf(id))),
      affected,
      control: control ? pairOf(control.from, control.to) : null,
    }
  },
  isFelt: ({ lost, sent }) => lost === sent,
})

// internal

/** A way that packets go. */
interface Way {
  from: Place
  to: Place
}

function ways(places: readonly Place[], a: string, b: string, direction: "both" | "in" | "out"): Way[] {
  const of = (service: string) => places.filter((place) => place.service === service)
  const from = (some: Place[], others: Place[]) => some.flatMap((from) => others.map((to) => ({ from, to })))
  return [...(direction === "in" ? [] : from(of(a), of(b))), ...(direction === "out" ? [] : from(of(b), of(a)))]
}

/** On both sides: what one of them lets through after a restart, the other still stops. */
function rulesAt(one: Place, blocked: readonly Way[], chain: string): Ruled[] {
  const drop = (side: "-s" | "-d", address: string) => `${side} ${address} -j DROP`
  const incoming = blocked.filter(({ to }) => to.node === one.node).map(({ from }) => drop("-s", from.address))
  const outgoing = blocked.filter(({ from }) => from.node === one.node).map(({ to }) => drop("-d", to.address))
  if (incoming.length + outgoing.length === 0) return []
  return [{ node: life(one), chain, rules: { in: incoming, out: outgoing } }]
}
