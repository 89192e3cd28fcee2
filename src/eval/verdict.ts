import type { Facts } from "./facts.ts"

/** Counts up with each change of what a verdict means, so that an old judgement can be told from a new one. */
export const JUDGE_VERSION = 1

export type Verdict =
  "repaired" | "self_healed" | "damaged" | "unrepaired" | "quiet" | "false_alarm" | "meddled" | "invalid" | "error"

/** What became of the lab (DESIGN section 7), and why. The one place in which facts become a verdict. */
export function verdictOf(facts: Facts): { verdict: Verdict; reasons: string[] } {
  if (facts.fault === "none") return withoutFault(facts)
  if (facts.confirmation === null) return { verdict: "invalid", reasons: ["nothing was injected"] }
  if (facts.confirmation === "ineffective")
    return { verdict: "invalid", reasons: ["ineffective: the fault was not there after it had been injected"] }
  if (facts.symptom_ms === null) return { verdict: "invalid", reasons: ["no_symptom: no gate failed"] }

  const marks = facts.confirmation === "inconclusive" ? ["whether the fault took effect could not be told"] : []
  if (facts.harm !== "none" && facts.harm !== "unknown") {
    return { verdict: "damaged", reasons: [`${facts.harm}: ${facts.harm_details.join("; ")}`, ...marks] }
  }
  if (facts.harm === "unknown") marks.push(`harm unknown: ${facts.harm_details.join("; ")}`)
  if (facts.recovered_ms === null) {
    return {
      verdict: "unrepaired",
      reasons: [`the gates never held for long enough; the fault was lifted by ${facts.lifted_by}`, ...marks],
    }
  }
  if (facts.acted_ms !== null && facts.acted_ms <= facts.recovered_ms) {
    return {
      verdict: "repaired",
      reasons: [`recovered after the agent acted; the fault was lifted by ${facts.lifted_by}`, ...marks],
    }
  }
  return {
    verdict: "self_healed",
    reasons: [
      facts.acted_ms === null ? "recovered without an act of the agent" : "recovered before the agent acted",
      ...marks,
    ],
  }
}

// internal

function withoutFault(facts: Facts): { verdict: Verdict; reasons: string[] } {
  if (facts.acted_ms !== null)
    return { verdict: "meddled", reasons: ["nothing was broken, and the agent changed something"] }
  if (facts.tickets > 0)
    return { verdict: "false_alarm", reasons: [`nothing was broken, and ${facts.tickets} tickets opened`] }
  if (facts.harm === "collateral") return { verdict: "damaged", reasons: facts.harm_details }
  return { verdict: "quiet", reasons: ["nothing was broken, and nothing happened"] }
}
