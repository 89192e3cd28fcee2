import { z } from "zod"
import { waitUntil } from "../lib/clock.ts"
import { OperatorError } from "../lib/errors.ts"
import type { Lab, Node } from "../lab/lab.ts"
import { containersOf } from "../lab/platforms/docker/helper.ts"
import type { Fault } from "./fault.ts"
import { countMarked, endMarked } from "./machine.ts"

/**
 * Processes among a node's own, where whoever looks for them finds them and can end them. They need no more than a shell in the node,
 * and end by themselves even when everybody who knows of them has died.
 */
export interface HogPlan {
  nodes: Node[]
  /** A word of the command of whatever takes something away, and of no other command in the node. */
  mark: string
  /** One of the command that has begun it. */
  leader: string
  /** For the node's own shell. */
  script: string
}

/** After this it ends by itself, whoever has died; by then nothing is left of a trial's ten minutes. */
export const max_s = z
  .number()
  .int()
  .min(1)
  .max(3_600)
  .default(900)
  .describe("after how many seconds it ends by itself at the latest")

/** What the faults that take something away from a node within it have in common. */
export function hogFault<Params, Plan extends HogPlan = HogPlan>(
  fault: Pick<Fault<Params, Plan>, "name" | "about" | "params" | "elsewhere" | "sparesQuorum" | "plan" | "confirm">,
): Fault<Params, Plan> {
  return {
    ...fault,
    of_nodes: true,
    platforms: ["docker"],
    heals_itself: false,
    inject: async (lab, { nodes, script, leader }) => {
      await Promise.all(nodes.map((node) => begin(lab, node, script, leader)))
    },
    probe: async (lab, { nodes, mark }) => {
      const counts = await Promise.all(nodes.map((node) => countMarked(lab, node, mark)))
      if (counts.some((count) => count !== undefined && count > 0)) return "active"
      return counts.every((count) => count === undefined) ? "void" : "gone"
    },
    revert: async (lab, { nodes, mark, leader }) => {
      await Promise.all(nodes.map((node) => endMarked(lab, node, [mark, leader])))
      const left = async () => await Promise.all(nodes.map((node) => countMarked(lab, node, mark)))
      await waitUntil(async () => (await left()).every((count) => !count), ENDED)
    },
  }
}

/** The containers of some nodes, as far as they are the same lives. */
export async function sameLives(lab: Lab, nodes: readonly Node[]) {
  const now = await containersOf(lab.id)
  return now.filter(({ name, process }) =>
    nodes.some((node) => node.name === name && node.process?.started === process?.started),
  )
}

// internal

const BEGIN_TIMEOUT_MS = 10_000
/** A process with gigabytes to give back takes a while. */
const ENDED = { timeout_ms: 2_000, every_ms: 50 }

async function begin(lab: Lab, node: Node, script: string, leader: string): Promise<void> {
  const words = `sh -c '${script}' ${leader} >/dev/null 2>&1 </dev/null &`
  const { exit_code, output } = await lab.exec(words, { node: node.name, timeout_ms: BEGIN_TIMEOUT_MS })
  if (exit_code === 0) return
  throw new OperatorError(`nothing could be started in ${node.name}: ${output.trim()}`, {
    hint: "its image needs a shell: sh",
  })
}
