import type { Platform } from "../lab/lab.ts"
import { platformsOf } from "../lab/outline.ts"
import type { PerPlatform } from "../lab/per-platform.ts"
import type { Subject } from "../lab/subject.ts"
import { BUILT_IN, findFault } from "./catalogue.ts"
import type { AnyFault } from "./fault.ts"
import { type Parameter, parametersOf } from "./parameters.ts"

/** A fault as people ask about it. */
export interface FaultOutline {
  name: string
  /** The subject that declares the commands of it; null for one that every subject may use. */
  subject: string | null
  platforms: readonly Platform[]
  /** Why it does not work on the other one. */
  elsewhere: string | null
  heals_itself: boolean
  about: string
  parameters: Parameter[]
  /** What a subject says of it, when it was asked for and says anything. */
  declares?: Declares
}

export interface Declares {
  /** Null: it is of the subject as a whole, or of any node. */
  group: string | null
  noticed_by: string[]
  repair: PerPlatform | null
  may_change: string[]
}

/** The faults that every subject may use. */
export function outlineCatalogue(): FaultOutline[] {
  return BUILT_IN.map((fault) => outlined(fault, null))
}

/** Those that a subject declares itself. */
export function outlineDeclared(subject: Subject): FaultOutline[] {
  return Object.entries(subject.faults).flatMap(([name, { declared }]) =>
    declared ? [outlined(findFault(name, subject), subject.name)] : [],
  )
}

/** All that can be done to a subject where it runs, with what it says of them; those first of which it says anything. */
export function outlineFor(subject: Subject): FaultOutline[] {
  const platforms = platformsOf(subject)
  const all = [...outlineDeclared(subject), ...outlineCatalogue()]
    .filter((one) => one.platforms.some((platform) => platforms.includes(platform)))
    .map((one) => ({ ...one, ...declaresOf(subject, one.name) }))
  return [...all.filter(({ declares }) => declares), ...all.filter(({ declares }) => !declares)]
}

// internal

function outlined(fault: AnyFault, subject: string | null): FaultOutline {
  const { name, about, platforms, elsewhere = null, heals_itself } = fault
  return { name, subject, platforms, elsewhere, heals_itself, about, parameters: parametersOf(fault) }
}

/** With the values that the subject gives to parameters, which are defaults in its labs. */
function declaresOf(subject: Subject, name: string): { declares: Declares; parameters: Parameter[] } | undefined {
  const said = subject.faults[name]
  if (!said) return undefined
  const { group = null, noticed_by, repair = null, may_change, params } = said
  const parameters = parametersOf(findFault(name, subject)).map((one) => ({
    ...one,
    default: params[one.name] ?? one.default,
  }))
  return { declares: { group, noticed_by, repair, may_change }, parameters }
}
