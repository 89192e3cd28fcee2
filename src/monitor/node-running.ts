import type { Node } from "../lab/lab.ts"
import { NODE_RUNNING } from "../lab/subject.ts"
import type { Observation } from "./judge.ts"
import type { RollCall } from "./roll-call.ts"
import type { Target } from "./target.ts"

/**
 * The built-in gate of every node. The lab tells of a change as it happens, and then it is observed at once; the look at every
 * interval is for what nobody told.
 */
export function nodeRunningTargets(nodes: readonly Node[], look: RollCall, interval_ms: number): Target[] {
  return nodes.map(({ name }) => ({
    invariant: NODE_RUNNING,
    node: name,
    role: "gate",
    severity: "critical",
    for_ms: 0,
    every_ms: interval_ms,
    look: () => look(name, nodeRunning),
    hear: nodeRunning,
  }))
}

// internal

function nodeRunning(node: Node | undefined): Observation {
  const state = node?.state ?? "exited"
  const value = { state, pid: node?.process?.pid ?? null }
  if (state === "running" || node?.finished) return { status: "ok", value, reason: null }
  const how = node?.ended === undefined ? "" : `: ${node.ended}`
  return { status: "violated", value, reason: `the node is ${state}${how}` }
}
