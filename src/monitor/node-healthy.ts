import type { Node } from "../lab/lab.ts"
import { isJudgedByHealth, NODE_HEALTHY, type Subject } from "../lab/subject.ts"
import type { Observation } from "./judge.ts"
import type { RollCall } from "./roll-call.ts"
import type { Target } from "./target.ts"

/** The built-in gate of each node that has a health check of its own, where the subject declares no gate. */
export function nodeHealthyTargets(
  subject: Subject,
  nodes: readonly Node[],
  look: RollCall,
  interval_ms: number,
): Target[] {
  if (!isJudgedByHealth(subject)) return []
  return nodes
    .filter(({ health }) => health !== undefined)
    .map(({ name }) => ({
      invariant: NODE_HEALTHY,
      node: name,
      role: "gate",
      severity: "critical",
      for_ms: 0,
      every_ms: interval_ms,
      look: () => look(name, nodeHealthy),
      hear: nodeHealthy,
    }))
}

// internal

/** Of a node that does not run there is nothing new to say: `node_running` does. A check that has yet to pass tells neither. */
function nodeHealthy(node: Node | undefined): Observation | undefined {
  if (node?.finished) return { status: "ok", value: { health: null }, reason: null }
  if (node?.state !== "running") return undefined
  const { status, said = "" } = node.health ?? {}
  const value = { health: status ?? null }
  switch (status) {
    case "healthy":
      return { status: "ok", value, reason: null }
    case "unhealthy":
      return { status: "violated", value, reason: `its health check fails${said === "" ? "" : `: ${said}`}` }
    case "starting":
      return { status: "unknown", value, reason: "its health check has not passed yet" }
    case undefined:
      return { status: "unknown", value, reason: "it has no health check any more" }
    default:
      return status satisfies never
  }
}
