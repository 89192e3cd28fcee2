import { randomHex } from "../lib/ids.ts"
import { messageOf, OperatorError, UsageError } from "../lib/errors.ts"
import { waitUntil } from "../lib/clock.ts"
import { refuseAdopted } from "../lab/adopt.ts"
import type { Lab, Node } from "../lab/lab.ts"
import { members } from "../lab/render.ts"
import {
  enterPhase,
  getInjection,
  HEALED_PAGE,
  type Injection,
  injectionsOf,
  isNoFault,
  type NewInjection,
  recordConfirmation,
} from "../store/injections.ts"
import { planInjection } from "../store/plan-injection.ts"
import type { Store } from "../store/open.ts"
import { findFault, paramsOf } from "./catalogue.ts"
import type { AnyFault, Confirmed } from "./fault.ts"
import { refuseTooMuch, refuseWatching } from "./guard-rails.ts"
import { chooseTargets, groupOf } from "./targets.ts"

export interface InjectOptions {
  fault: string
  /** A symbolic target; `one` of the fault's group unless said otherwise. */
  target: string
  params: Record<string, unknown>
  seed: number
  /** From when it is there; then it is taken away, also when this process is dead. Left out: it stays as long as its lab. */
  lasts_ms?: number
  /** Aborts when it is not wanted any more: then no further step is made. */
  signal?: AbortSignal
  /** Whether a group may be left without its majority: for whoever has said so. */
  allow_quorum_loss?: boolean
  /** The injection whose place this one takes. */
  replaces?: string
}

/** An injection that was thought through, and of which nothing was done or recorded. */
export interface Planned {
  fault: AnyFault
  injection: NewInjection
  /** How many the lab had when it was begun. */
  known: number
}

/** What happens while a fault is injected, for whoever watches. */
export type Progress =
  | { step: "planned"; injection: NewInjection }
  | { step: "injected"; took_ms: number }
  | ({ step: "confirmed"; took_ms: number } & Confirmed)

/** When it is to end is counted from when it was confirmed; should that never come, from this long after it was planned. */
const THERE_WITHIN_MS = 120_000

/** A fault that cannot be seen within this time had no effect. */
const CONFIRM_WITHIN_MS = 2_000
const CONFIRM_EVERY_MS = 20

/** Records a fault, then injects it, then looks whether it is there. The record outlives whatever happens here. */
export async function inject(
  store: Store,
  lab: Lab,
  options: InjectOptions,
  tell: (progress: Progress) => void = () => {},
): Promise<Injection> {
  const { fault, injection } = await recorded(store, lab, options)
  tell({ step: "planned", injection })
  const start_ms = store.clock.mono_ms()
  const took_ms = () => store.clock.mono_ms() - start_ms
  enterPhase(store, injection, "injecting")
  try {
    await fault.inject(lab, injection.plan, options.signal)
  } catch (error) {
    enterPhase(store, injection, "failed", messageOf(error))
    throw error
  }
  enterPhase(store, injection, "active")
  tell({ step: "injected", took_ms: took_ms() })
  const confirmed = await confirm(store, lab, fault, injection)
  const { lasts_ms } = options
  const expires_at = lasts_ms === undefined ? undefined : later(store, lasts_ms)
  recordConfirmation(store, injection, confirmed.confirmation, confirmed.evidence, expires_at)
  tell({ step: "confirmed", took_ms: took_ms(), ...confirmed })
  return getInjection(store, injection.id)!
}

/** All that comes before the record, with every look at the world that it takes. Throws what `inject` would throw so far. */
export async function plan(store: Store, lab: Lab, options: InjectOptions): Promise<Planned> {
  const injections = injectionsOf(store, lab.id)
  refuseAdopted(lab, "nothing of it is broken on purpose")
  const fault = findFault(options.fault, lab.subject)
  refuseElsewhere(lab, fault)
  const params = paramsOf(fault, lab.subject, options.params)
  const nodes = await lab.nodes()
  const target = nodes.find(({ name }) => name === options.target)?.service ?? options.target
  const chosen = chooseTargets(target, lab.subject, groupOf(fault, lab.subject), options.seed)
  const parts = fault.parts?.(lab.subject, params, options.seed) ?? [{ fault, services: chosen, params }]
  refuseWatching(lab.subject, fault, peersIn(params, lab))
  for (const part of parts) {
    refuseElsewhere(lab, part.fault)
    refuseWatching(lab.subject, part.fault, part.services)
  }
  const targets = nodes.filter(({ service }) => parts.some(({ services }) => services.includes(service)))
  refuseDown(lab, targets)
  await refuseTooMuch(lab, {
    ...{ fault, parts, targets },
    injections: injections.filter(({ id }) => id !== options.replaces),
    allow_quorum_loss: options.allow_quorum_loss === true,
  })
  const id = `i-${randomHex(6)}`
  const draw = { id, seed: options.seed }
  const expires_at = options.lasts_ms === undefined ? null : later(store, options.lasts_ms + THERE_WITHIN_MS)
  const injection: NewInjection = {
    ...{ id, lab: lab.id, fault: fault.name, params, expires_at },
    targets: targets.map((node) => node.name),
    plan: await fault.plan(lab, targets, params, draw),
  }
  return { fault, injection, known: injections.length }
}

// internal

/** Thought through and on record. Anew, when another came in between: the guard rails have not seen it. */
async function recorded(store: Store, lab: Lab, options: InjectOptions): Promise<Planned> {
  for (let tries = 1; ; tries++) {
    const planned = await plan(store, lab, options)
    if (planInjection(store, planned.injection, planned.known)) return planned
    if (tries === MAX_TRIES)
      throw new OperatorError(`others keep injecting faults into ${lab.id}, faster than one is planned`)
  }
}

const MAX_TRIES = 10

function later({ clock }: Store, by_ms: number): string {
  return new Date(clock.now().getTime() + by_ms).toISOString()
}

/** The services that a fault has to do with besides its targets. */
function peersIn({ peers }: Record<string, unknown>, { subject }: Lab): string[] {
  return Array.isArray(peers) ? peers.flatMap((name) => members(subject, String(name))) : []
}

function refuseElsewhere({ platform }: Lab, { name, platforms, elsewhere }: AnyFault): void {
  if (platforms.includes(platform)) return
  throw new UsageError(`${name} does not work on ${platform} labs${elsewhere ? `: ${elsewhere}` : ""}`)
}

function refuseDown(lab: Lab, targets: readonly Node[]): void {
  if (targets.length === 0 || targets.some(({ state }) => state !== "exited")) return
  throw new UsageError(`${targets.map(({ name }) => name).join(", ")}: not running, so there is nothing to break`, {
    hint:
      lab.platform === "docker"
        ? `start it first: docker start ${targets[0]?.name}`
        : "start it first: each node's folder has a start",
  })
}

async function confirm(store: Store, lab: Lab, fault: AnyFault, injection: NewInjection): Promise<Confirmed> {
  if (isNoFault(fault.name) && fault.name !== HEALED_PAGE)
    return { confirmation: "confirmed", evidence: "nothing was broken" }
  const start_ms = store.clock.mono_ms()
  try {
    const look = async () => (await fault.probe(lab, injection.plan)) === "active"
    const seen = await waitUntil(look, {
      timeout_ms: CONFIRM_WITHIN_MS,
      every_ms: CONFIRM_EVERY_MS,
      clock: store.clock,
    })
    if (fault.confirm) return await fault.confirm(lab, injection.plan)
    const after_ms = Math.round(store.clock.mono_ms() - start_ms)
    return seen
      ? { confirmation: "confirmed", evidence: `seen ${after_ms} ms after it was injected` }
      : { confirmation: "ineffective", evidence: `not seen within ${after_ms} ms` }
  } catch (error) {
    return { confirmation: "inconclusive", evidence: messageOf(error) }
  }
}
