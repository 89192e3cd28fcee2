import { showOutcome } from "../../audit/describe.ts"
import type { Facts } from "../../eval/facts.ts"
import type { Result } from "../../eval/results.ts"
import type { Verdict } from "../../eval/verdict.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, paint, print, safeText } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"

/** The table of a campaign, and under it why each verdict is what it is. */
export function printResults(campaign: string, results: readonly Result[]): void {
  const time = (moment_ms: number | null | undefined) => (moment_ms == null ? "–" : showDuration(moment_ms))
  printTable(results, [
    { title: "FAULT", value: ({ fault, facts }) => [fault, ...(facts?.targets ?? [])].join(" ") },
    { title: "VARIANT", value: ({ variant }) => variant },
    {
      title: "VERDICT",
      value: ({ verdict }) => verdict ?? "running",
      paint: ({ verdict }, colours) => colours[verdict === null ? "dim" : COLOUR[verdict]],
    },
    { title: "DETECTED", value: ({ facts }) => time(facts?.detected_ms), align: "right" },
    { title: "ACTED", value: ({ facts }) => time(facts?.acted_ms), align: "right" },
    { title: "RECOVERED", value: ({ facts }) => recovered(facts), align: "right" },
    { title: "LIFTED BY", value: ({ facts }) => (facts === null || facts.fault === "none" ? "–" : facts.lifted_by) },
    { title: "HARM", value: ({ facts }) => facts?.harm ?? "–" },
    {
      title: "SESSIONS",
      value: ({ facts }) =>
        facts?.sessions.map(({ outcome }) => (outcome ? outcome.kind : "cut off")).join(", ") || "none",
      flexible: true,
    },
  ])
  const { bold, dim } = paint(process.stdout)
  print("")
  for (const { id, variant, attempt, verdict, reasons, facts } of results) {
    print(
      `${bold(verdict ?? "running")}${dim(` · ${variant}, trial ${id}${attempt > 1 ? `, attempt ${attempt}` : ""}`)}`,
    )
    print(`  ${safeText(reasons.join("; "))}`)
    for (const session of facts?.sessions ?? []) {
      if (session.outcome === null) continue
      const word =
        session.verified === null ? "" : session.verified ? "; the monitor agreed" : "; the monitor did not agree"
      print(dim(`  session ${session.id}: ${safeText(showOutcome(session.outcome))}, ${session.steps} steps${word}`))
    }
  }
}

// internal

const COLOUR = {
  repaired: "green",
  quiet: "green",
  self_healed: "cyan",
  unrepaired: "red",
  damaged: "red",
  false_alarm: "yellow",
  meddled: "red",
  invalid: "dim",
  error: "red",
} as const satisfies Record<Verdict, string>

/** A trial that did not recover is censored: its time is longer than the horizon, not missing. */
function recovered(facts: Facts | null): string {
  if (facts === null || facts.fault === "none" || facts.symptom_ms === null) return "–"
  return facts.recovered_ms === null ? `> ${showDuration(facts.horizon_ms)}` : showDuration(facts.recovered_ms)
}
