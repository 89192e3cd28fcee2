import type { Result } from "../eval/results.ts"
import type { Requirement } from "./file.ts"

/** The requirements that the results do not meet, in words. One that chooses no trial that counts is not met. */
export function unmet(requirements: readonly Requirement[], results: readonly Result[]): string[] {
  return requirements.flatMap((requirement) => {
    const chosen = counted(results).filter((result) =>
      CHOICES.every((by) => requirement[by] === undefined || requirement[by] === result[by]),
    )
    const met = chosen.filter(({ verdict }) => verdict !== null && requirement.verdict.includes(verdict)).length
    if (chosen.length > 0 && met >= requirement.at_least * chosen.length) return []
    return [`${inWords(requirement)}: ${met} of ${chosen.length}`]
  })
}

// internal

const CHOICES = ["subject", "fault", "variant"] as const

/** The last attempt at each trial: an error that was made good by a later attempt does not count. */
function counted(results: readonly Result[]): Result[] {
  const last = new Map<string, Result>()
  for (const result of results) {
    const { subject, fault, target, params, variant, repetition } = result
    last.set(JSON.stringify([subject, fault, target, params, variant, repetition]), result)
  }
  return [...last.values()]
}

function inWords(requirement: Requirement): string {
  const who = CHOICES.flatMap((by) => (requirement[by] === undefined ? [] : [requirement[by]])).join(" · ")
  const share = requirement.at_least === 1 ? "" : ` in at least ${Math.round(requirement.at_least * 100)} %`
  return `${who === "" ? "every trial" : who} must be ${requirement.verdict.join(" or ")}${share}`
}
