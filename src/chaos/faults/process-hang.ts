import { z } from "zod"
import type { Node } from "../../lab/lab.ts"
import type { Fault } from "../fault.ts"
import { isStopped, signalFromOutside } from "../machine.ts"
import { toSignal } from "../steps.ts"
import { requireNodes } from "../targets.ts"

/** SIGSTOP for a node's first process. Unlike a paused one, the node is running for the engine, and takes connections that nobody answers. */
export const processHang: Fault<Record<string, never>, { nodes: Node[] }> = {
  name: "process_hang",
  about: "Stops a node's process without ending it: it takes connections and answers none",
  params: z.strictObject({}),
  of_nodes: true,
  platforms: ["docker"],
  heals_itself: false,
  plan: (_lab, targets) => {
    requireNodes("process_hang", targets)
    return { nodes: targets }
  },
  inject: async (lab, { nodes }) => {
    await Promise.all(nodes.map((node) => signalFromOutside(lab, node, "STOP")))
  },
  probe: async (lab, { nodes }) => {
    const stopped = await Promise.all(nodes.map((node) => isStopped(lab, node)))
    if (stopped.includes(true)) return "active"
    return stopped.every((one) => one === undefined) ? "void" : "gone"
  },
  revert: async (lab, { nodes }) => {
    await Promise.all(nodes.map((node) => signalFromOutside(lab, node, "CONT")))
  },
  steps: (_lab, { nodes }) => ({
    inject: nodes.map((node) => toSignal(node, "STOP")),
    undo: nodes.map((node) => toSignal(node, "CONT")),
  }),
}
