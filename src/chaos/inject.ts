import { randomHex } from "../lib/ids.ts"
import { messageOf, UsageError } from "../lib/errors.ts"
import { waitUntil } from "../lib/clock.ts"
import { refuseAdopted } from "../lab/adopt.ts"
import type { Lab } from "../lab/lab.ts"
import {
  enterPhase,
  HEALED_PAGE,
  type Injection,
  injectionsOf,
  isNoFault,
  type NewInjection,
  planInjection,
  recordConfirmation,
} from "../store/injections.ts"
import type { Store } from "../store/open.ts"
import { findFault, paramsOf } from "./catalogue.ts"
import type { AnyFault, Confirmed } from "./fault.ts"
import { chooseTargets, groupOf } from "./targets.ts"

export interface InjectOptions {
  fault: string
  /** A symbolic target; `one` of the fault's group unless said otherwise. */
  target: string
  params: Record<string, unknown>
  seed: number
}

/** A fault that cannot be seen within this time had no effect. */
const CONFIRM_WITHIN_MS = 2_000
const CONFIRM_EVERY_MS = 20

/** Records a fault, then injects it, then looks whether it is there. The record outlives whatever happens here. */
export async function inject(store: Store, lab: Lab, options: InjectOptions): Promise<Injection> {
  const { fault, injection } = await plan(store, lab, options)
  enterPhase(store, injection, "injecting")
  try {
    await fault.inject(lab, injection.plan)
  } catch (error) {
    enterPhase(store, injection, "failed", messageOf(error))
    throw error
  }
  enterPhase(store, injection, "active")
  const { confirmation, evidence } = await confirm(store, lab, fault, injection)
  recordConfirmation(store, injection, confirmation, evidence)
  return injectionsOf(store, lab.id).find(({ id }) => id === injection.id)!
}

// internal

async function plan(
  store: Store,
  lab: Lab,
  options: InjectOptions,
): Promise<{ fault: AnyFault; injection: NewInjection }> {
  refuseAdopted(lab, "nothing of it is broken on purpose")
  const fault = findFault(options.fault, lab.subject)
  if (!fault.platforms.includes(lab.platform)) {
    throw new UsageError(
      `${fault.name} does not work on ${lab.platform} labs${fault.elsewhere ? `: ${fault.elsewhere}` : ""}`,
    )
  }
  const params = paramsOf(fault, lab.subject, options.params)
  const services = chooseTargets(options.target, lab.subject, groupOf(fault, lab.subject), options.seed)
  const targets = (await lab.nodes()).filter((node) => services.includes(node.service))
  if (targets.length > 0 && targets.every(({ state }) => state === "exited")) {
    throw new UsageError(`${targets.map(({ name }) => name).join(", ")}: not running, so there is nothing to break`, {
      hint:
        lab.platform === "docker"
          ? `start it first: docker start ${targets[0]?.name}`
          : "start it first: each node's folder has a start",
    })
  }
  const id = `i-${randomHex(6)}`
  const injection: NewInjection = {
    id,
    lab: lab.id,
    fault: fault.name,
    targets: targets.map((node) => node.name),
    params,
    plan: await fault.plan(lab, targets, params, { id, seed: options.seed }),
  }
  planInjection(store, injection)
  return { fault, injection }
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
