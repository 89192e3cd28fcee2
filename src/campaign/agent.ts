import type { Model } from "../agent/model/model.ts"
import { limitsOf, modelMaker } from "../agent/model/make.ts"
import { type Runbook, runbookModel } from "../agent/model/runbook.ts"
import type { Shell } from "../agent/sandbox/shell.ts"
import { isClaude, type Variant } from "../agent/variant.ts"
import { summariesOf } from "../agent/summarise.ts"
import { work, type Work } from "../agent/work.ts"
import { messageOf, OperatorError } from "../lib/errors.ts"
import type { Lab } from "../lab/lab.ts"
import { VERIFY_PATIENCE_MS } from "../monitor/holds.ts"
import { type Injection, isNoFault } from "../store/injections.ts"
import type { PagedTicket } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { sessionsOf } from "../store/sessions.ts"
import { OUT_OF_DOLLARS } from "../store/spending.ts"
import { openTickets } from "../store/tickets.ts"
import type { Trial } from "../store/trials.ts"
import { keptFor } from "./claude.ts"
import type { Post } from "./post.ts"
import { repairOf } from "./repair.ts"
import type { Stand } from "./stand.ts"

/** A ticket is taken up this soon after it opened. */
const LOOK_EVERY_MS = 20

/** Whoever works the tickets of a trial, from the moment at which the fault is confirmed. */
export interface HiredAgent {
  /** A session runs, or its claim is being verified. */
  working(): boolean
  /** Whatever went wrong outside of the model: `dismiss` tells. There is nothing left to wait for. */
  failed(): boolean
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
export function hireAgent(store: Store, trial: Trial, stand: Stand, post: Post, incident: Incident): HiredAgent {
  let working = incident.told !== undefined
  let gave_up_ms: number | undefined
  let failure: unknown
  const dismissal = new AbortController()
  const signal = AbortSignal.any([stand.signal, dismissal.signal])

  const job = async () => {
    const { variant, sandbox } = post
    if (!sandbox) return
    while (incident.told === undefined && openTickets(store, stand.lab.id).length === 0) {
      await store.clock.sleep(LOOK_EVERY_MS, signal)
      if (signal.aborted) return
    }
    working = true
    const end = await workOn(store, trial, stand, variant, incident, sandbox.shell, signal)
    if (end === "out_of_dollars") throw new OperatorError(OUT_OF_DOLLARS)
    if (end === "unreachable") throw new OperatorError(`no model could be reached: ${lastWords(store, stand.lab.id)}`)
    if (end === "escalated") gave_up_ms = store.clock.mono_ms()
  }
  const done = job()
    .catch((error: unknown) => {
      failure = error
    })
    .finally(() => (working = false))

  return {
    working: () => working,
    failed: () => failure !== undefined,
    gaveUpAt: () => gave_up_ms,
    dismiss: async () => {
      dismissal.abort("the trial has ended")
      await done
      if (failure instanceof OperatorError) throw failure
      if (failure !== undefined)
        throw new OperatorError(`the agent's side failed: ${messageOf(failure)}`, { cause: failure })
    },
  }
}

// internal

/** Why a session without an answer ended. */
function lastWords(store: Store, lab: string): string {
  const outcome = sessionsOf(store, lab).at(-1)?.outcome
  return outcome?.kind === "model_error" ? outcome.reason : "no reason was given"
}

async function workOn(
  store: Store,
  trial: Trial,
  stand: Stand,
  variant: Variant,
  { injection, brief, told }: Incident,
  shell: Shell,
  signal: AbortSignal,
) {
  const { lab, monitor } = stand
  const { verify_ms, attempts } = trial.limits
  return work({
    store,
    lab: lab.id,
    brief: variant.brief ? brief : "",
    told,
    variant: variant.name,
    ...(await answering(store, trial, variant, lab, injection)),
    shell,
    limits: limitsOf(variant),
    attempts,
    verify: async () => {
      // From the claim on: what was seen before it says nothing of what the last command did.
      const claimed_ms = store.clock.mono_ms()
      const holds = () => store.clock.mono_ms() - claimed_ms >= verify_ms && monitor.holdsFor(verify_ms)
      await stand.until(() => signal.aborted || holds(), verify_ms + VERIFY_PATIENCE_MS)
      return holds()
    },
    signal,
  })
}

/** A fresh model for each session: Claude with the texts that were kept, and summed up by Haiku; a runbook; or the oracle's. */
async function answering(
  store: Store,
  trial: Trial,
  variant: Variant,
  lab: Lab,
  injection: Injection,
): Promise<Pick<Work, "model" | "summaries">> {
  if (variant.model === "oracle") return { model: () => runbookModel(oracle(variant, lab, injection)) }
  const { name, runbook, says } = variant
  if (!isClaude(variant)) return { model: () => runbookModel({ name, steps: runbook, says }) }
  const { prompt, prices } = await keptFor(store, trial)
  return {
    model: modelMaker({ variant, prompt, prices, clock: store.clock }),
    summaries: summariesOf(variant, { store, prices }),
  }
}

/** The oracle's runbook is the subject's declared repair, filled in for what was really broken. The agent's room knows no fault. */
function oracle({ name, says }: Variant, lab: Lab, injection: Injection): Runbook {
  if (isNoFault(injection.fault)) return { name, steps: [], says: "Nothing is broken." }
  return { name, steps: repairOf(lab, injection), says }
}
