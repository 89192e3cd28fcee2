import type { LiveCheck } from "../../campaign/check-live.ts"
import type { LastSeen } from "../../campaign/last-seen.ts"
import { note } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import { clipped } from "../../lib/text.ts"

/** A line for each probe at each node, as it was seen last. */
export function printLive({ observations, ledger }: LiveCheck): void {
  printTable<LastSeen>(observations, [
    { title: "STATUS", value: ({ status }) => status, paint: ({ status }, colours) => colours[COLOUR[status]] },
    { title: "INVARIANT", value: ({ invariant }) => invariant, flexible: true },
    { title: "ROLE", value: ({ role }) => role },
    { title: "NODE", value: ({ node }) => node, flexible: true },
    {
      title: "SEEN",
      value: ({ value, reason }) => [reason, showValue(value)].filter(Boolean).join("; "),
      flexible: true,
    },
  ])
  if (ledger?.result === "intact") note(`${ledger.acked} acknowledged writes were all read back`)
}

// internal

const COLOUR = { ok: "green", violated: "red", unknown: "yellow" } as const

/** Of one value, which may be a page of metrics. */
const MAX_SHOWN_CHARS = 160

function showValue(value: unknown): string {
  return value === null ? "" : clipped(JSON.stringify(value), MAX_SHOWN_CHARS)
}
