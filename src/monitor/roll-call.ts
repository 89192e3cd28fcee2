import { type Lab, LabUnreachable, type Node } from "../lab/lab.ts"
import { NODE_RUNNING } from "../lab/subject.ts"
import { within } from "../lib/clock.ts"
import { messageOf } from "../lib/errors.ts"
import type { Observation } from "./judge.ts"
import type { Change } from "./logbook.ts"

/** What one look at the nodes of a lab says of one of them. */
export type RollCall = (
  node: string,
  says: (node: Node | undefined) => Observation | undefined,
) => Promise<Observation | undefined>

/** Looks at the nodes of a lab; one look serves all who ask while it runs. When nobody answers, of every node nothing can be said. */
export function rollCall(lab: Pick<Lab, "id" | "nodes">): RollCall {
  let running: Promise<Node[]> | undefined
  const look = async () => {
    const nodes = await within(lab.nodes(), { timeout_ms: LOOK_WITHIN_MS })
    if (nodes) return nodes
    throw new LabUnreachable(`nobody has said within ${LOOK_WITHIN_MS / 1_000} s how the nodes of ${lab.id} are`)
  }
  return async (name, says) => {
    try {
      const nodes = await (running ??= look().finally(() => (running = undefined)))
      return says(nodes.find((node) => node.name === name))
    } catch (error) {
      const value = error instanceof LabUnreachable ? { state: UNREACHABLE } : null
      return { status: "unknown", value, reason: messageOf(error) }
    }
  }
}

/** Why nothing could be said of a node, when that is because what runs the nodes of the lab has gone away. */
export function unreachable({ invariant, observation }: Pick<Change, "invariant" | "observation">): string | undefined {
  const { status, value, reason } = observation
  if (invariant !== NODE_RUNNING || status !== "unknown") return undefined
  return (value as { state?: unknown } | null)?.state === UNREACHABLE ? (reason ?? "") : undefined
}

// internal

/** A look takes milliseconds, and on a machine that is overwhelmed a second or two. */
const LOOK_WITHIN_MS = 5_000

const UNREACHABLE = "unreachable"
