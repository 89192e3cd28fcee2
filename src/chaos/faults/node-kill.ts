import { z } from "zod"
import type { Node } from "../../lab/lab.ts"
import type { Fault } from "../fault.ts"
import { toSignal, toStart } from "../steps.ts"
import { requireNodes } from "../targets.ts"

/** SIGKILL; the node stays down until somebody starts it. */
export const nodeKill: Fault<Record<string, never>, { nodes: Node[] }> = {
  name: "node_kill",
  about: "Kills a node, which stays down",
  params: z.strictObject({}),
  of_nodes: true,
  platforms: ["process", "docker"],
  heals_itself: false,
  plan: (_lab, targets) => {
    requireNodes("node_kill", targets)
    return { nodes: targets }
  },
  inject: async (lab, { nodes }) => {
    await Promise.all(nodes.map((node) => lab.signal(node, "kill")))
  },
  probe: async (lab, { nodes }) => {
    const now = await lab.nodes()
    const down = now.filter(({ name, state }) => state === "exited" && nodes.some((node) => node.name === name))
    return down.length > 0 ? "active" : "gone"
  },
  revert: async (lab, { nodes }) => {
    await Promise.all(nodes.map((node) => lab.start(node.name)))
  },
  steps: (lab, { nodes }) => ({
    inject: nodes.map((node) => (lab.platform === "docker" ? `docker kill ${node.name}` : toSignal(node, "KILL"))),
    undo: nodes.map((node) => toStart(lab, node)),
  }),
}
