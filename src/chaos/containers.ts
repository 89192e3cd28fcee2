import type { Lab, Node } from "../lab/lab.ts"
import { containersOf, type Incarnation, incarnation } from "../lab/platforms/docker/helper.ts"
import { requireNodes } from "./targets.ts"

/** The containers of a fault's targets, as they are when it is planned. */
export async function containersAt(lab: Lab, fault: string, targets: readonly Node[]): Promise<Incarnation[]> {
  requireNodes(fault, targets)
  const found = (await containersOf(lab.id)).filter(({ name }) => targets.some((target) => target.name === name))
  requireNodes(fault, found)
  return found.map(incarnation)
}

/** Starts those of some nodes that have ended, as one does that finds no room. What was removed is left so. */
export async function startEnded(lab: Lab, names: readonly string[]): Promise<void> {
  const ended = (await containersOf(lab.id)).filter(({ name, state }) => state === "exited" && names.includes(name))
  await Promise.all(ended.map(({ name }) => lab.start(name)))
}
