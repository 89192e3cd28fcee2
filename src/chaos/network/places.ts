import { UsageError } from "../../lib/errors.ts"
import type { Lab, Node } from "../../lab/lab.ts"
import { containersOf, type Incarnation, incarnation } from "../../lab/platforms/docker/helper.ts"
import { members } from "../../lab/render.ts"
import { groupOf } from "../targets.ts"
import type { NetworkPlan } from "./fault.ts"
import type { Pair } from "./felt.ts"

/** A member of the lab's network, where it is now. */
export interface Place extends Incarnation {
  service: string
  address: string
}

/** Where the running nodes of some services are. Those that are paused have a network, too. */
export async function placesOf(lab: Lab, services: readonly string[]): Promise<Place[]> {
  const running = (await containersOf(lab.id)).filter(({ service, process }) => process && services.includes(service))
  return running.map((one) => {
    const { address, service } = one
    if (address !== undefined && !address.includes(":")) return { ...incarnation(one), service, address }
    throw new UsageError(`${one.name} has no IPv4 address in the lab's network, and faults of the network need one`, {
      hint: "leave enable_ipv4 of its networks as it is, or name other services in `peers`",
    })
  })
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

/** Where the targets of a fault are, and the peers on the other side. */
export async function sidesOf(
  lab: Lab,
  fault: string,
  targets: readonly Node[],
  named: readonly string[] | undefined,
): Promise<[Place[], Place[]]> {
  const others = peersOf(lab, fault, targets, named)
  const services = targets.map(({ service }) => service)
  const places = await placesOf(lab, [...services, ...others])
  const [own, peers] = [services, others].map((side) => places.filter(({ service }) => side.includes(service)))
  return [own ?? [], peers ?? []]
}

/** The same change in the network of each target. It is felt on the way from a peer; two peers are for comparison. */
export function planAt<Change>(
  targets: readonly Place[],
  peers: readonly Place[],
  changed: (node: Incarnation) => Change,
): NetworkPlan<Change> {
  const [target, peer, other] = [targets[0], peers[0], peers[1]]
  if (!target || !peer) throw new UsageError("neither the target nor its peers are there to be worked on")
  return {
    changes: targets.map((one) => changed(life(one))),
    affected: pairOf(peer, target),
    control: other ? pairOf(peer, other) : null,
  }
}

export function pairOf(from: Place, to: Place): Pair {
  return { from: life(from), to: to.address, at: life(to) }
}

/** Of a place, what tells whether it is still the same. */
export function life({ node, container, started }: Place): Incarnation {
  return { node, container, started }
}
