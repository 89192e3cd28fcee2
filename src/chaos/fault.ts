import type { ZodType } from "zod"
import type { Lab, Node, Platform } from "../lab/lab.ts"
import type { Subject } from "../lab/subject.ts"
import type { Injection } from "../store/injections.ts"
import type { Confirmation } from "../store/kinds.ts"

/**
 * A way to break a lab. `plan` changes nothing and returns the whole undo; it is on disk before `inject` is called.
 * `probe` looks at the world and not at the record. `revert` works from the record alone, is idempotent, and is
 * legal in every phase: before the first change, in the middle of one, and after the node was replaced.
 */
export interface Fault<Params = Record<string, unknown>, Plan = Record<string, unknown>> {
  name: string
  about: string
  params: ZodType<Params>
  /** Throws a UsageError for parameters that are well-formed, and mean nothing for this subject. */
  check?(subject: Subject, params: Params): void
  platforms: readonly Platform[]
  /** Why it does not work on the other platforms. */
  elsewhere?: string
  /** Breaks nodes; where its subject names no group for it, any of them. Left out: a fault of the subject as a whole. */
  of_nodes?: boolean
  /** Its nodes go on serving, however badly. Left out: they are missing from their groups' majorities while it is there. */
  sparesQuorum?(params: Params): boolean
  /** The subject recovers from it without help. */
  heals_itself: boolean
  /** When a trial calls the agent, where it is not to a ticket: at once, for nothing, or after the fault has gone. */
  calls?: "for_nothing" | "too_late"
  /** For one that is made of others: which those are, and the services that each is to have as its targets. */
  parts?(subject: Subject, params: Params, seed: number): Part[]
  plan(lab: Lab, targets: Node[], params: Params, draw: Draw): Plan | Promise<Plan>
  /**
   * For a fault that a restart takes away: whether this life of a node began after the plan was made. In a trial it is then applied
   * again, so that a restart is no universal cure.
   */
  isStale?(plan: Plan, node: Node): boolean
  /** One that takes its time makes no further step once the signal has aborted. */
  inject(lab: Lab, plan: Plan, signal?: AbortSignal): Promise<void>
  /** Whether it is felt, once it is there, or was to be; left out: to be there is to be felt. */
  confirm?(lab: Lab, plan: Plan): Promise<Confirmed>
  probe(lab: Lab, plan: Plan): Promise<Presence>
  revert(lab: Lab, plan: Plan): Promise<void>
  /** What it does and how that is undone, in commands for people. Left out: the plan itself is shown. */
  steps?(lab: Lab, plan: Plan): Steps
}

export interface Part {
  fault: AnyFault
  services: string[]
  params: Record<string, unknown>
}

/** What a person would type for the same. */
export interface Steps {
  inject: string[]
  undo: string[]
}

/** What a plan depends on beside the lab: what is drawn follows from the seed, and every name in the world from the injection's id. */
export interface Draw {
  id: string
  seed: number
}

/** Whether a fault has an effect, and by what that was seen. */
export interface Confirmed {
  confirmation: Confirmation
  evidence: string
}

/** `void`: the node, or the namespace in which the fault was, is no longer the one that was broken. */
export type Presence = "active" | "gone" | "void"

/** A fault with its types forgotten, as the catalogue holds it. A plan comes back from the store as it went in. */
export type AnyFault = Fault<Record<string, unknown>, Injection["plan"]>

/** What looks faults and their parameters up, for a fault that is made of others. */
export interface Catalogue {
  find(name: string, subject: Subject): AnyFault
  paramsOf(fault: AnyFault, subject: Subject, given: Record<string, unknown>): Record<string, unknown>
}
