import type { Result } from "../eval/results.ts"
import { lastAttempts } from "../eval/summary.ts"
import type { Requirement } from "./file.ts"

/**
 * The requirements that the results do not meet, in words, by the last attempt at each trial. One that chooses no trial is not
 * met, and a trial that is invalid or an error has none of the verdicts that it asks for, unless it asks for those.
 */
export function unmet(requirements: readonly Requirement[], results: readonly Result[]): string[] {
  return requirements.flatMap((requirement) => {
    const chosen = lastAttempts(results).filter((result) =>
      CHOICES.every((by) => requirement[by] === undefined || requirement[by] === result[by]),
    )
    const met = chosen.filter(({ verdict }) => verdict !== null && requirement.verdict.includes(verdict)).length
    if (chosen.length > 0 && met >= requirement.at_least * chosen.length) return []
    return [`${inWords(requirement)}: ${met} of ${chosen.length}`]
  })
}

// internal

const CHOICES = ["subject", "fault", "variant"] as const

function inWords(requirement: Requirement): string {
  const who = CHOICES.flatMap((by) => (requirement[by] === undefined ? [] : [requirement[by]])).join(" · ")
  const share = requirement.at_least === 1 ? "" : ` in at least ${Math.round(requirement.at_least * 100)} %`
  return `${who === "" ? "every trial" : who} must be ${requirement.verdict.join(" or ")}${share}`
}
