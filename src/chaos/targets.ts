import { UsageError } from "../lib/errors.ts"
import { didYouMean } from "../lib/nearest.ts"
import { draw } from "../lib/random.ts"
import type { Node } from "../lab/lab.ts"
import { members } from "../lab/render.ts"
import { textsOf } from "../lab/per-platform.ts"
import type { Subject } from "../lab/subject.ts"
import type { AnyFault } from "./fault.ts"

/**
 * The services that a target means: `one`, `minority`, `majority` or `all` of the fault's group, a group, or a service. None
 * for a fault without a group, which is of the subject as a whole. The same seed draws the same services.
 */
export function chooseTargets(
  target: string,
  subject: Subject,
  group: readonly string[] | undefined,
  seed: number,
): string[] {
  const names = group ?? []
  const count = COUNTS.get(target)?.(names.length)
  if (count === undefined) return named(target, subject)
  if (count <= 0 && names.length > 0) {
    throw new UsageError(`a group of ${names.length} has no ${target}`, {
      hint: `use the target "one" or name a service`,
    })
  }
  return draw(names, Math.min(Math.max(0, count), names.length), seed)
}

/**
 * The services among which a fault has its targets: the group that the subject declares for it, else, for a fault of nodes, all but
 * what watches them. Undefined for a fault of the subject as a whole.
 */
export function groupOf(fault: Pick<AnyFault, "name" | "of_nodes">, subject: Subject): string[] | undefined {
  const declared = subject.faults[fault.name]?.group
  if (declared !== undefined) return members(subject, declared)
  if (!fault.of_nodes) return undefined
  return subject.services.filter((service) => !watches(service, subject))
}

/**
 * Whether a service is there to watch the others: the Prometheus that the subject names, and what is called as such things are; unless
 * it is among those that the subject says are to be broken.
 */
export function watches(service: string, subject: Subject, broken: readonly string[] = []): boolean {
  const asked = textsOf(subject.prometheus ?? "").flatMap((url) => URL.parse(url)?.hostname ?? [])
  return asked.includes(service) || (WATCHERS.test(service) && !broken.includes(service))
}

/** For faults of nodes: one that would break nothing is refused before anything is recorded. */
export function requireNodes(fault: string, targets: readonly Node[]): void {
  if (targets.length > 0) return
  throw new UsageError(`${fault} needs a node to break, and its target names none that this lab runs`, {
    hint: `name a service as the target, or a \`group\` in the subject's declaration of ${fault}`,
  })
}

// internal

/** As a whole word of a service's name: `grafana`, `node-exporter`, `prometheus_1`. */
const WATCHERS = /(^|[-_.])(prometheus|grafana|alertmanager|cadvisor|loki|promtail|jaeger|[a-z]*exporter)([-_.]|\d*$)/

const COUNTS = new Map<string, (n: number) => number>([
  ["one", () => 1],
  ["minority", (n) => Math.ceil(n / 2) - 1],
  ["majority", (n) => Math.floor(n / 2) + 1],
  ["all", (n) => n],
])

function named(target: string, subject: Subject): string[] {
  const known = [...COUNTS.keys(), ...Object.keys(subject.groups), ...subject.services]
  if (known.includes(target)) return members(subject, target)
  throw new UsageError(`${subject.file}: there is no target "${target}"${didYouMean(target, known)}`, {
    hint: `targets: ${known.join(", ")}`,
  })
}
