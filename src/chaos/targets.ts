import { UsageError } from "../lib/errors.ts"
import { draw } from "../lib/random.ts"
import { members } from "../lab/render.ts"
import type { Subject } from "../lab/subject.ts"

/**
 * The services that a symbolic target means: `one`, `minority`, `majority` or `all` of the fault's group, a group, or a service.
 * The same seed draws the same services.
 */
export function chooseTargets(target: string, subject: Subject, group: string | undefined, seed: number): string[] {
  const names = group === undefined ? [] : members(subject, group)
  const count = COUNTS[target]?.(names.length)
  if (count === undefined) return members(subject, target)
  if (target === "minority" && count === 0) {
    throw new UsageError(`a group of ${names.length} has no minority`, {
      hint: `use the target "one" or name a service`,
    })
  }
  return draw(names, count, seed)
}

// internal

const COUNTS: Record<string, (n: number) => number> = {
  one: (n) => Math.min(1, n),
  minority: (n) => Math.ceil(n / 2) - 1,
  majority: (n) => Math.floor(n / 2) + 1,
  all: (n) => n,
}
