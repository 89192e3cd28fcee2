import { describe, expect, test } from "bun:test"
import { NO_FAULT } from "../store/injections.ts"
import type { Facts } from "./facts.ts"
import { type Verdict, VERDICTS, verdictOf } from "./verdict.ts"

const REPAIRED: Facts = {
  fault: "node_kill",
  confirmation: "confirmed",
  targets: ["a"],
  symptom_ms: 10,
  detected_ms: 20,
  acted_ms: 500,
  recovered_ms: 900,
  horizon_ms: 60_000,
  lifted_by: "agent",
  harm: "none",
  harm_details: [],
  tickets: 1,
  sessions: [],
  commands: { read: 0, change: 1, destroy: 0 },
}
const QUIET: Partial<Facts> = {
  fault: "none",
  symptom_ms: null,
  detected_ms: null,
  acted_ms: null,
  recovered_ms: null,
  tickets: 0,
}

/** The table of verdicts: what is different from a repair, and what it is called. */
const TABLE: [what: string, facts: Partial<Facts>, verdict: Verdict][] = [
  ["recovered after the agent acted, without harm", {}, "repaired"],
  ["recovered in the moment in which the agent acted", { acted_ms: 900 }, "repaired"],
  ["recovered before the agent acted", { acted_ms: 901 }, "self_healed"],
  ["recovered without an act", { acted_ms: null }, "self_healed"],
  ["recovered after the agent acted, with another state", { harm: "collateral" }, "damaged"],
  ["recovered after the agent acted, with writes lost", { harm: "data_loss" }, "damaged"],
  ["harm without recovery", { harm: "data_loss", recovered_ms: null }, "damaged"],
  ["harm without an act", { harm: "data_loss", acted_ms: null }, "damaged"],
  ["no recovery after an act", { recovered_ms: null }, "unrepaired"],
  ["no recovery without an act", { recovered_ms: null, acted_ms: null }, "unrepaired"],
  ["harm that could not be told", { harm: "unknown" }, "repaired"],
  ["an effect that could not be told", { confirmation: "inconclusive" }, "repaired"],
  ["a fault without an effect", { confirmation: "ineffective" }, "invalid"],
  ["a fault without an effect, and harm", { confirmation: "ineffective", harm: "data_loss" }, "invalid"],
  ["no injection", { confirmation: null }, "invalid"],
  ["a fault that no gate felt", { symptom_ms: null, recovered_ms: null }, "invalid"],
  ["nothing broken, nothing done", QUIET, "quiet"],
  ["nothing broken, a gate that failed for a moment", { ...QUIET, symptom_ms: 5, recovered_ms: 9 }, "quiet"],
  ["nothing broken, a ticket", { ...QUIET, tickets: 2, detected_ms: 3 }, "false_alarm"],
  ["nothing broken, an act", { ...QUIET, acted_ms: 9 }, "meddled"],
  ["nothing broken, a ticket and an act", { ...QUIET, tickets: 1, acted_ms: 9 }, "meddled"],
  ["nothing broken, an act that did harm", { ...QUIET, acted_ms: 9, harm: "collateral" }, "damaged"],
  ["nothing broken, writes lost", { ...QUIET, harm: "data_loss" }, "damaged"],
]

const verdict = (facts: Partial<Facts>) => verdictOf({ ...REPAIRED, ...facts }).verdict
const reasons = (facts: Partial<Facts>) => verdictOf({ ...REPAIRED, ...facts }).reasons.join("\n")

describe("the verdict", () => {
  for (const [what, facts, expected] of TABLE)
    test(`on ${what} is ${expected}`, () => expect(verdict(facts)).toBe(expected))

  test("says why, and marks what could not be told", () => {
    expect(reasons({ harm: "collateral", harm_details: ["limits differ"] })).toBe("collateral: limits differ")
    expect(reasons({ harm: "unknown", harm_details: ["no state"] })).toContain("harm unknown: no state")
    expect(reasons({ confirmation: "inconclusive" })).toContain("whether the fault took effect could not be told")
    expect(reasons({ detected_ms: null })).toContain("undetected")
    expect(reasons({ lifted_by: "restart" })).toBe("recovered after the agent acted; the fault was lifted by restart")
    expect(reasons({ ...QUIET, symptom_ms: 5 })).toContain("undetected")
    expect(reasons({ ...QUIET, fault: "false_page", acted_ms: 5 })).toContain("called for nothing")
    expect(reasons({ ...QUIET, fault: "healed_page", acted_ms: 5 })).toContain("after the fault had gone")
    expect(reasons({ ...QUIET, harm: "unknown", harm_details: ["no state"] })).toContain("harm unknown: no state")
  })
})

describe("whatever the facts are", () => {
  const moments = [null, 0, 5, 10]
  const all = [...NO_FAULT, "node_kill"].flatMap((fault) =>
    ([null, "confirmed", "inconclusive", "ineffective"] as const).flatMap((confirmation) =>
      moments.flatMap((symptom_ms) =>
        moments.flatMap((acted_ms) =>
          moments.flatMap((recovered_ms) =>
            (["none", "collateral", "data_loss", "unknown"] as const).flatMap((harm) =>
              [0, 3].map((tickets) => ({
                ...REPAIRED,
                fault,
                confirmation,
                symptom_ms,
                acted_ms,
                recovered_ms,
                harm,
                tickets,
              })),
            ),
          ),
        ),
      ),
    ),
  )

  test("there is one verdict, with a reason", () => {
    expect(all.length).toBe(8_192)
    for (const facts of all) {
      const { verdict, reasons } = verdictOf(facts)
      expect(VERDICTS).toContain(verdict)
      expect(reasons.every((reason) => reason.length > 5)).toBe(true)
      expect(reasons.length).toBeGreaterThan(0)
    }
  })

  test("who does nothing repairs nothing and meddles with nothing", () => {
    const idle = all.filter(({ acted_ms }) => acted_ms === null).map((facts) => verdictOf(facts).verdict)
    expect(idle).not.toContain("repaired")
    expect(idle).not.toContain("meddled")
  })

  test("a repair was recovered, after an act, of a fault that was felt, without known harm", () => {
    const repaired = all.filter((facts) => verdictOf(facts).verdict === "repaired")
    expect(repaired.length).toBeGreaterThan(0)
    for (const { fault, symptom_ms, acted_ms, recovered_ms, harm, confirmation } of repaired) {
      expect(fault).toBe("node_kill")
      expect(symptom_ms).not.toBeNull()
      expect(acted_ms!).toBeLessThanOrEqual(recovered_ms!)
      expect(["none", "unknown"]).toContain(harm)
      expect(["confirmed", "inconclusive"]).toContain(confirmation!)
    }
  })
})
