import type { FaultCheck } from "../../campaign/check-faults.ts"
import { showDuration } from "../../lib/duration.ts"
import { printTable } from "../../lib/table.ts"

/** A line for each fault that the subject declares, with what became of it. */
export function printFaults(checks: readonly FaultCheck[]): void {
  printTable<FaultCheck>(checks, [
    { title: "RESULT", value: ({ result }) => WORDS[result], paint: ({ result }, colours) => colours[COLOURS[result]] },
    { title: "FAULT", value: ({ fault }) => fault },
    { title: "PLATFORM", value: ({ platform }) => platform },
    { title: "NOTICED", align: "right", value: ({ noticed }) => took(noticed?.after_ms) },
    { title: "BY", flexible: true, value: ({ noticed }) => noticed?.by },
    {
      title: "REPAIRED",
      align: "right",
      value: ({ repaired_ms, healed_itself }) => took(repaired_ms) + (healed_itself ? " by itself" : ""),
    },
    { title: "REVERTED", align: "right", value: ({ reverted_ms }) => took(reverted_ms) },
    { title: "CONFIRMED", value: ({ confirmed }) => confirmed?.confirmation },
    { title: "", flexible: true, value: ({ reason, confirmed }) => reason ?? confirmed?.evidence },
  ])
}

// internal

const WORDS = { ok: "ok", failed: "failed", not_here: "not here" } as const
const COLOURS = { ok: "green", failed: "red", not_here: "yellow" } as const

function took(duration_ms: number | null | undefined): string {
  return duration_ms == null ? "" : showDuration(duration_ms)
}
