import { labelOf } from "../monitor/target.ts"
import type { Watched } from "../monitor/watch.ts"
import { events } from "../store/events.ts"
import type { Status } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"

/** An invariant at a node, as the monitor has last seen it to be. */
export interface LastSeen extends Watched {
  status: Status
  /** What was seen when it came to have this status. */
  value: unknown
  reason: string | null
}

/** What a monitor watches in a lab, as it was seen last, unknown when it was not, and after it the parts into which alerts fell. */
export function lastSeen(store: Store, lab: string, watched: readonly Watched[]): LastSeen[] {
  const roles = new Map(watched.map(({ invariant, role }) => [invariant, role]))
  const seen = new Map<string, LastSeen>()
  const unseen = { status: "unknown", value: null, reason: "it was not looked at yet" } as const
  for (const { invariant, node, role } of watched)
    seen.set(labelOf({ invariant, node }), { invariant, node, role, ...unseen })
  for (const { body } of events(store, lab, { kinds: ["observation"] })) {
    const { invariant, node, status, value, reason } = body
    const role = roles.get(invariant) ?? "notice"
    seen.set(labelOf(body), { invariant, node, role, status, value, reason })
  }
  return [...seen.values()]
}
