import { DEFAULT_LIMITS } from "../agent/limits.ts"
import type { Model } from "../agent/model/model.ts"
import { runbookModel } from "../agent/model/runbook.ts"
import { localShell } from "../agent/sandbox/local.ts"
import { parseVariant, type Variant } from "../agent/variant.ts"
import { work } from "../agent/work.ts"
import { definedOnly } from "../lib/defined.ts"
import { messageOf, OperatorError } from "../lib/errors.ts"
import type { Lab } from "../lab/lab.ts"
import { type Injection, isNoFault } from "../store/injections.ts"
import type { PagedTicket } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { readText } from "../store/texts.ts"
import { openTickets } from "../store/tickets.ts"
import type { Trial } from "../store/trials.ts"
import type { Stand } from "./stand.ts"

/** A ticket is taken up this soon after it opened. */
const LOOK_EVERY_MS = 20
/** Nodes that were just started need a while: a claim is false when it has not come true this long after `verify`. */
const VERIFY_PATIENCE_MS = 10_000

/** Whoever works the tickets of a trial, from the moment at which the fault is confirmed. */
export interface HiredAgent {
  /** A session runs, or its claim is being verified. */
  working(): boolean
  /** When it gave up for good, on the monotonic clock. */
  gaveUpAt(): number | undefined
  /** Ends what is still running. Rejects with whatever went wrong outside of the model. */
  dismiss(): Promise<void>
}

/** What the agent is called to. It is told the brief; the injection is known to the oracle alone. */
export interface Incident {
  injection: Injection
  brief: string
  /** Calls it at once with these tickets, open or not. Left out: it waits until the monitor opens one. */
  told?: readonly PagedTicket[]
}

/** Lets the trial's variant work the lab once it is called. A control that is nobody is never called. */
export function hireAgent(store: Store, trial: Trial, stand: Stand, incident: Incident): HiredAgent {
  let working = incident.told !== undefined
  let gave_up_ms: number | undefined
  let failure: unknown
  const dismissal = new AbortController()
  const signal = AbortSignal.any([stand.signal, dismissal.signal])

  const job = async () => {
    const variant = await variantOf(store, trial)
    if (variant.model === "nobody") return
    while (incident.told === undefined && openTickets(store, stand.lab.id).length === 0) {
      await store.clock.sleep(LOOK_EVERY_MS, signal)
      if (signal.aborted) return
    }
    working = true
    const end = await workOn(store, trial, stand, variant, incident, signal)
    if (end === "escalated") gave_up_ms = store.clock.mono_ms()
  }
  const done = job()
    .catch((error: unknown) => {
      gave_up_ms = store.clock.mono_ms()
      failure = error
    })
    .finally(() => (working = false))

  return {
    working: () => working,
    gaveUpAt: () => gave_up_ms,
    dismiss: async () => {
      dismissal.abort("the trial has ended")
      await done
      if (failure !== undefined)
        throw new OperatorError(`the agent's side failed: ${messageOf(failure)}`, { cause: failure })
    },
  }
}

// internal

async function variantOf(store: Store, trial: Trial): Promise<Variant> {
  const { content, name } = readText(store, trial.variant_text)
  return parseVariant(content, name)
}

function workOn(
  store: Store,
  trial: Trial,
  stand: Stand,
  variant: Variant,
  { injection, brief, told }: Incident,
  signal: AbortSignal,
) {
  const { lab, monitor } = stand
  const { verify_ms, attempts } = trial.limits
  return work({
    store,
    lab: lab.id,
    brief,
    told,
    variant: variant.name,
    model: () => modelOf(variant, lab, injection),
    shell: localShell({ cwd: lab.dir, env: lab.environment() }),
    limits: { ...DEFAULT_LIMITS, ...definedOnly(variant.limits) },
    attempts,
    verify: async () => {
      await stand.until(() => signal.aborted || monitor.holdsFor(verify_ms), verify_ms + VERIFY_PATIENCE_MS)
      return monitor.holdsFor(verify_ms)
    },
    signal,
  })
}

/** The oracle's runbook is the subject's declared repair, filled in for what was really broken. The agent's room knows no fault. */
function modelOf(variant: Variant, lab: Lab, injection: Injection): Model {
  if (variant.model !== "oracle")
    return runbookModel({ name: variant.name, steps: variant.runbook, says: variant.says })
  if (isNoFault(injection.fault)) return runbookModel({ name: variant.name, steps: [], says: "Nothing is broken." })
  const repair = lab.subject.faults[injection.fault]?.repair
  const command = typeof repair === "string" ? repair : repair?.[lab.platform]
  if (command === undefined) {
    throw new OperatorError(`${lab.subject.file}: ${injection.fault} declares no repair for a ${lab.platform} lab`)
  }
  const nodes = injection.targets.length > 0 ? injection.targets : [""]
  const steps = nodes.map((node) => ({
    reasoning: `The declared repair of ${injection.fault}${node === "" ? "" : ` at ${node}`}.`,
    command: lab.render(command, { node }),
  }))
  return runbookModel({ name: variant.name, steps, says: variant.says })
}
