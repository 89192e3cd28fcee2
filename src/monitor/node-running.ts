import type { Lab, Node } from "../lab/lab.ts"
import { NODE_RUNNING } from "../lab/subject.ts"
import { messageOf } from "../lib/errors.ts"
import type { Observation } from "./judge.ts"
import type { Target } from "./target.ts"

/**
 * The built-in gate of every node. The lab tells of a change as it happens, and then `nodeRunning` is observed at once;
 * the look at every interval is for what nobody told.
 */
export function nodeRunningTargets(lab: Lab, nodes: readonly Node[], interval_ms: number): Target[] {
  return nodes.map(({ name }) => ({
    invariant: NODE_RUNNING,
    node: name,
    role: "gate",
    severity: "critical",
    for_ms: 0,
    every_ms: interval_ms,
    look: async () => {
      try {
        return nodeRunning((await lab.nodes()).find((node) => node.name === name))
      } catch (error) {
        return { status: "unknown", value: null, reason: messageOf(error) }
      }
    },
  }))
}

export function nodeRunning(node: Node | undefined): Observation {
  const state = node?.state ?? "exited"
  const value = { state, pid: node?.process?.pid ?? null }
  return state === "running" || node?.finished
    ? { status: "ok", value, reason: null }
    : { status: "violated", value, reason: `the node is ${state}` }
}
