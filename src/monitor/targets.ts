import type { Lab } from "../lab/lab.ts"
import type { Store } from "../store/open.ts"
import { nodeHealthyTargets } from "./node-healthy.ts"
import { nodeRunningTargets } from "./node-running.ts"
import { rollCall } from "./roll-call.ts"
import { sloTarget } from "./slo.ts"
import { declaredTargets, type Target } from "./target.ts"

/** Everything that a monitor follows in a lab: the built-in gates, then what the subject declares, then the objective of its workload. */
export async function targetsOf(
  store: Store,
  lab: Lab,
  { interval_ms, slo }: { interval_ms: number; slo: boolean },
): Promise<Target[]> {
  const nodes = await lab.nodes()
  const look = rollCall(lab)
  const { workload } = lab.subject
  return [
    // Before it is told that a node runs again, so that its lab is not well for a moment.
    ...nodeHealthyTargets(lab.subject, nodes, look, interval_ms),
    ...nodeRunningTargets(nodes, look, interval_ms),
    ...declaredTargets(lab, nodes, interval_ms),
    ...(workload && slo ? [sloTarget(store, lab.id, workload)] : []),
  ]
}
