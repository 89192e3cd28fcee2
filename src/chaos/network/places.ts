import { UsageError } from "../../lib/errors.ts"
import type { Lab, Node } from "../../lab/lab.ts"
import type { Container } from "../../lab/platforms/docker/containers.ts"
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

export interface Places {
  needed: Place[]
  /** Of other services: they take no part, and are for comparison. */
  beside: Place[]
}

/** Where the running nodes of some services are, and those of others. Those that are paused have a network, too. */
export async function placesOf(lab: Lab, services: readonly string[]): Promise<Places> {
  const running = (await containersOf(lab.id)).filter(({ process }) => process !== undefined)
  const [needed, beside] = [true, false].map((is) => running.filter((one) => services.includes(one.service) === is))
  return {
    needed: (needed ?? []).map((one) => placeOf(one) ?? refuse(one)),
    beside: (beside ?? []).flatMap((one) => placeOf(one) ?? []),
  }
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

/** Where the targets of a fault are, the peers on the other side, and who takes no part. */
export interface Sides {
  own: Place[]
  peers: Place[]
  beside: Place[]
}

export async function sidesOf(
  lab: Lab,
  fault: string,
  targets: readonly Node[],
  named: readonly string[] | undefined,
): Promise<Sides> {
  const services = targets.map(({ service }) => service)
  const { needed, beside } = await placesOf(lab, [...services, ...peersOf(lab, fault, targets, named)])
  const isOwn = ({ node }: Place) => targets.some(({ name }) => name === node)
  const peers = needed.filter(({ service }) => !services.includes(service))
  return { own: needed.filter(isOwn), peers, beside }
}

/** The same change in the network of each target. It is felt on the way from a peer, and not on that from there to somebody else. */
export function planAt<Change>(
  { own, peers, beside }: Sides,
  changed: (node: Incarnation) => Change,
): NetworkPlan<Change> {
  const [target, peer, other] = [own[0], peers[0], peers[1] ?? beside[0]]
  if (!target || !peer) throw new UsageError("neither the target nor its peers are there to be worked on")
  return {
    changes: own.map((one) => changed(life(one))),
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

// internal

function placeOf(container: Container): Place | undefined {
  const { address, service } = container
  return address === undefined || address.includes(":") ? undefined : { ...incarnation(container), service, address }
}

function refuse({ name }: Container): never {
  throw new UsageError(`${name} has no IPv4 address in the lab's network, and faults of the network need one`, {
    hint: "leave enable_ipv4 of its networks as it is, or name other services in `peers`",
  })
}
