import { z } from "zod"
import type { Lab, Node } from "../../lab/lab.ts"
import { UsageError } from "../../lib/errors.ts"
import type { Fault } from "../fault.ts"
import { toSignal } from "../steps.ts"
import { requireNodes } from "../targets.ts"

/** SIGSTOP: the node keeps its connections and answers nothing. */
export const nodePause: Fault<Record<string, never>, { nodes: Node[] }> = {
  name: "node_pause",
  about: "Freezes a node, which keeps its connections and answers nothing",
  params: z.strictObject({}),
  of_nodes: true,
  platforms: ["process", "docker"],
  heals_itself: false,
  plan: (_lab, targets) => {
    requireNodes("node_pause", targets)
    const paused = targets.filter(({ state }) => state === "paused").map(({ name }) => name)
    // Undoing it would undo what somebody else has done.
    if (paused.length > 0) throw new UsageError(`${paused.join(", ")}: paused already, by somebody else`)
    return { nodes: targets }
  },
  inject: async (lab, { nodes }) => {
    await Promise.all(nodes.map((node) => lab.signal(node, "pause")))
  },
  probe: async (lab, { nodes }) => {
    const same = await stillThere(lab, nodes)
    if (same.some((node) => node.state === "paused")) return "active"
    return same.length === nodes.length ? "gone" : "void"
  },
  revert: async (lab, { nodes }) => {
    const same = await stillThere(lab, nodes)
    await Promise.all(same.map((node) => lab.signal(node, "resume")))
  },
  steps: (lab, { nodes }) => {
    const docker = lab.platform === "docker"
    return {
      inject: nodes.map((node) => (docker ? `docker pause ${node.name}` : toSignal(node, "STOP"))),
      undo: nodes.map((node) => (docker ? `docker unpause ${node.name}` : toSignal(node, "CONT"))),
    }
  },
}

// internal

/** Those of the frozen processes that were not replaced since. */
async function stillThere(lab: Lab, nodes: Node[]): Promise<Node[]> {
  const now = await lab.nodes()
  return now.filter((one) =>
    nodes.some(
      ({ process }) =>
        process !== undefined && process.pid === one.process?.pid && process.started === one.process.started,
    ),
  )
}
