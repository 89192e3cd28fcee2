import { UsageError } from "../lib/errors.ts"
import type { Lab, Node } from "../lab/lab.ts"
import { members } from "../lab/render.ts"
import type { Subject } from "../lab/subject.ts"
import { type Injection, isOpen } from "../store/injections.ts"
import { findFault } from "./catalogue.ts"
import type { AnyFault, Part } from "./fault.ts"
import { presenceOf } from "./revert.ts"
import { groupOf, watches } from "./targets.ts"

/** A group with fewer nodes has no majority left without one of them, so there is none to keep. */
const MIN_QUORUM_GROUP = 3

export interface Intent {
  fault: AnyFault
  /** What it is made of; itself, where it is one. */
  parts: readonly Part[]
  targets: readonly Node[]
  /** Of the same lab. */
  injections: readonly Injection[]
  allow_quorum_loss: boolean
}

/** Throws a UsageError for what watches the subject: who breaks it measures nothing any more. */
export function refuseWatching(subject: Subject, fault: AnyFault, services: readonly string[]): void {
  const chosen = subject.faults[fault.name]?.group === undefined ? [] : (groupOf(fault, subject) ?? [])
  const watching = services.filter((service) => watches(service, subject, chosen))
  if (watching.length === 0) return
  const it = watching.length === 1 ? "it is" : "they are"
  throw new UsageError(`${watching.join(", ")}: what watches a lab is not broken, since nothing could be seen then`, {
    hint: `if ${it} what is under test, name a group with ${watching[0]} in the subject's declaration of ${fault.name}`,
  })
}

/**
 * Throws a UsageError when the same is there already, or when a group would be without its majority together with what is still broken
 * or down. Looks at the world: what somebody has repaired does not count.
 */
export async function refuseTooMuch(
  lab: Lab,
  { fault, parts, targets, injections, allow_quorum_loss }: Intent,
): Promise<void> {
  const there = await stillThere(lab, injections.filter(isOpen))
  const names = targets.map(({ name }) => name)
  const kinds = [fault.name, ...parts.map((part) => part.fault.name)]
  const twin = there.find(
    (one) => kindsOf(lab, one).some((kind) => kinds.includes(kind)) && overlap(one.targets, names),
  )
  if (twin) {
    const shared = names.filter((name) => twin.targets.includes(name))
    throw new UsageError(`${shared.join(", ") || lab.id} has a ${twin.fault} already: ${twin.id}`, {
      hint: `operator chaos revert ${twin.id} undoes it`,
    })
  }
  const taking = parts.filter((part) => takesAway(part.fault, part.params)).flatMap(({ services }) => services)
  const away = targets.filter(({ service }) => taking.includes(service)).map(({ name }) => name)
  if (!allow_quorum_loss && away.length > 0) await keepQuorum(lab, away, there)
}

// internal

async function stillThere(lab: Lab, open: readonly Injection[]): Promise<Injection[]> {
  // What cannot be told counts.
  const seen = await Promise.all(open.map((one) => presenceOf(lab, one).catch(() => "active" as const)))
  return open.filter((_, place) => seen[place] === "active")
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  return (some.length === 0 && others.length === 0) || some.some((one) => others.includes(one))
}

/** What an injection is, and what it is made of. */
function kindsOf({ subject }: Lab, { fault, params }: Injection): string[] {
  const parts = findFault(fault, subject).parts?.(subject, params, 0) ?? []
  return [fault, ...parts.map((part) => part.fault.name)]
}

function takesAway({ of_nodes, parts, sparesQuorum }: AnyFault, params: Record<string, unknown>): boolean {
  return (of_nodes === true || parts !== undefined) && !sparesQuorum?.(params)
}

async function keepQuorum(lab: Lab, names: readonly string[], there: readonly Injection[]): Promise<void> {
  const nodes = await lab.nodes()
  const down = nodes.filter(({ state, finished }) => state !== "running" && !finished).map(({ name }) => name)
  const broken = there
    .filter((one) => takesAway(findFault(one.fault, lab.subject), one.params))
    .flatMap(({ targets }) => targets)
  const away = new Set([...names, ...down, ...broken])
  for (const group of Object.keys(lab.subject.groups)) {
    const services = members(lab.subject, group)
    const group_nodes = nodes.filter(({ service }) => services.includes(service)).map(({ name }) => name)
    const majority = Math.floor(group_nodes.length / 2) + 1
    const left = group_nodes.filter((name) => !away.has(name))
    if (group_nodes.length < MIN_QUORUM_GROUP || left.length >= majority) continue
    if (!names.some((name) => group_nodes.includes(name))) continue
    const others = group_nodes.filter((name) => away.has(name) && !names.includes(name))
    const besides = others.length === 0 ? "" : ` (${others.join(", ")} being down or broken already)`
    throw new UsageError(
      `this leaves ${left.length} of the ${group_nodes.length} nodes of ${group}${besides}, and a majority is ${majority}`,
      { hint: "--allow-quorum-loss does it all the same" },
    )
  }
}
