import type { Lab } from "../lab/lab.ts"
import { gatesOf } from "../lab/subject.ts"
import { labelOf, MONITOR_INTERVAL_MS, type Target } from "../monitor/target.ts"
import { targetsOf } from "../monitor/targets.ts"
import { events } from "../store/events.ts"
import type { Status } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"

/** An invariant at a node, as the monitor has last seen it to be. */
export interface LastSeen {
  invariant: string
  node: string
  role: "gate" | "notice"
  status: Status
  /** What was seen when it came to have this status. */
  value: unknown
  reason: string | null
}

export type Watched = Pick<Target, "invariant" | "node">

/** What a monitor of the lab looks at, its nodes' own gates first, then those of the subject in its order. */
export async function watchedIn(store: Store, lab: Lab): Promise<Watched[]> {
  return targetsOf(store, lab, { interval_ms: MONITOR_INTERVAL_MS, slo: true })
}

/** Each of them as it was seen last, unknown when it was not, and after them the parts into which alerts fell. */
export function lastSeen(store: Store, lab: Lab, watched: readonly Watched[]): LastSeen[] {
  const gates = gatesOf(lab.subject)
  const roleOf = (invariant: string) => (gates.includes(invariant) ? "gate" : "notice")
  const seen = new Map<string, LastSeen>()
  const unseen = { status: "unknown", value: null, reason: "it was not looked at yet" } as const
  for (const { invariant, node } of watched)
    seen.set(labelOf({ invariant, node }), { invariant, node, role: roleOf(invariant), ...unseen })
  for (const { body } of events(store, lab.id, { kinds: ["observation"] })) {
    const { invariant, node, status, value, reason } = body
    seen.set(labelOf(body), { invariant, node, role: roleOf(invariant), status, value, reason })
  }
  return [...seen.values()]
}
