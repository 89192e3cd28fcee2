import { z } from "zod"
import type { Lab, Node } from "../../lab/lab.ts"
import type { Confirmed, Fault } from "../fault.ts"
import { signalFromOutside } from "../machine.ts"
import { toSignal, toStart } from "../steps.ts"
import { requireNodes } from "../targets.ts"

/** SIGKILL from outside of the container, as the kernel does it: the engine then does what the service's restart policy says. */
export const nodeCrash: Fault<Record<string, never>, { nodes: Node[] }> = {
  name: "node_crash",
  about: "Kills a node's process; its restart policy decides whether it comes back",
  params: z.strictObject({}),
  of_nodes: true,
  platforms: ["docker"],
  heals_itself: true,
  plan: (_lab, targets) => {
    requireNodes("node_crash", targets)
    return { nodes: targets }
  },
  inject: async (lab, { nodes }) => {
    await Promise.all(nodes.map((node) => signalFromOutside(lab, node, "KILL")))
  },
  probe: async (lab, { nodes }) => {
    const now = await targetsNow(lab, nodes)
    return now.some(({ state }) => state === "exited") ? "active" : "gone"
  },
  confirm: async (lab, { nodes }): Promise<Confirmed> => {
    const now = await targetsNow(lab, nodes)
    const same = now.filter((one) => nodes.some(({ process }) => process?.started === one.process?.started))
    const told = now.map(({ name, state }) => `${name} ${state === "exited" ? "is down" : "has come back"}`).join(", ")
    return same.length === 0
      ? { confirmation: "confirmed", evidence: told }
      : { confirmation: "ineffective", evidence: `${same.map(({ name }) => name).join(", ")} did not end` }
  },
  revert: async (lab, { nodes }) => {
    await Promise.all(nodes.map((node) => lab.start(node.name)))
  },
  steps: (lab, { nodes }) => ({
    inject: nodes.map((node) => toSignal(node, "KILL")),
    undo: nodes.map((node) => toStart(lab, node)),
  }),
}

// internal

async function targetsNow(lab: Lab, nodes: readonly Node[]): Promise<Node[]> {
  return (await lab.nodes()).filter(({ name }) => nodes.some((node) => node.name === name))
}
