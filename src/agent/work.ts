import { messageOf } from "../lib/errors.ts"
import { timedId } from "../lib/ids.ts"
import type { Outcome, PagedTicket } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import {
  claimLab,
  endAbandoned,
  endSession,
  giveBack,
  type Lease,
  recordVerified,
  renewLease,
} from "../store/sessions.ts"
import { OUT_OF_DOLLARS } from "../store/spending.ts"
import { escalate, openTickets } from "../store/tickets.ts"
import { LEASE_MS, type SessionLimits } from "./limits.ts"
import { converse } from "./loop.ts"
import type { Model } from "./model/model.ts"
import { pageText, ticketNews } from "./page.ts"
import type { Shell } from "./sandbox/shell.ts"
import type { Summaries } from "./summarise.ts"

/** After a session the next one begins at once, and the end of all waits at most this long for summaries. Few take longer. */
const SUMMARIES_WAIT_MS = 10_000

export interface Work {
  store: Store
  lab: string
  brief: string
  /** What the agent is told instead of the open tickets, where it is called without one. */
  told?: readonly PagedTicket[] | undefined
  variant: string
  /** A fresh model for each attempt: a conversation begins at its beginning. */
  model: () => Model
  shell: Shell
  limits: SessionLimits
  attempts: number
  /** Summaries of a session, made beside it; none when left out. */
  summaries?: ((lease: Lease) => Summaries) | undefined
  /** The monitor's word on the claim: resolves true once the lab has held for `verify`, false when it does not in time. */
  verify(signal: AbortSignal): Promise<boolean>
  signal: AbortSignal
}

/** `unreachable`: no model answered; `out_of_dollars`: the campaign's don't reach. Neither says anything about the lab. */
export type WorkEnd = "verified" | "escalated" | "unreachable" | "out_of_dollars" | "stopped"

/** Works a lab's tickets: one session after another, until the monitor agrees, or the attempts are used up. */
export async function work(context: Work): Promise<WorkEnd> {
  const summaries: Promise<void>[] = []
  try {
    return await attempts(context, summaries)
  } finally {
    await Promise.all(summaries)
  }
}

// internal

/** One session after another. What is still being summed up when one has ended is added to `summaries`. */
async function attempts(context: Work, summaries: Promise<void>[]): Promise<WorkEnd> {
  const { store, lab, signal } = context
  while (!signal.aborted) {
    // A person may have taken the last one since, or it has healed.
    if (context.told === undefined && openTickets(store, lab).length === 0) break
    const model = context.model()
    const lease = claimLab(store, {
      lab,
      session: timedId(store.clock.now()),
      variant: context.variant,
      model: model.name,
      lease_ms: LEASE_MS,
      max_attempts: context.attempts,
    })
    if (!lease) break
    const own = context.summaries?.(lease)
    try {
      const end = await holding(context, lease, async (signal) => {
        return settle(context, lease, await workOnce(context, lease, model, own, signal))
      })
      if (end !== "again") return end
    } finally {
      if (own) summaries.push(closeSoon(own, signal))
    }
  }
  return "stopped"
}

/** A person who stops the work does not wait. The end of a trial does, for the summary of the session that it has ended. */
function closeSoon(summaries: Summaries, signal: AbortSignal): Promise<void> {
  const interrupted = signal.aborted && typeof signal.reason !== "string"
  const wait_ms = interrupted ? 0 : SUMMARIES_WAIT_MS
  return summaries.close({ wait_ms, signal: signal.aborted ? undefined : signal })
}

/** Renews a lease beside the work, since a command may take longer than a lease, and then gives the lab back. */
async function holding<T>(context: Work, lease: Lease, job: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const lost = new AbortController()
  const renewal = setInterval(() => {
    if (!renewLease(context.store, lease, LEASE_MS)) lost.abort("another session took the lab over")
  }, LEASE_MS / 3)
  try {
    return await job(AbortSignal.any([context.signal, lost.signal]))
  } finally {
    clearInterval(renewal)
    giveBack(context.store, lease)
  }
}

interface Worked {
  outcome: Outcome
  /** The monitor's word; undefined when it was not asked, or stopped before it could tell. */
  verified?: boolean
}

/** One conversation, and the monitor's word on its claim. */
async function workOnce(
  context: Work,
  lease: Lease,
  model: Model,
  summaries: Summaries | undefined,
  signal: AbortSignal,
): Promise<Worked> {
  const { store, lab, shell, limits } = context
  const tickets = context.told ?? openTickets(store, lab)
  const page = pageText(context.brief, tickets)
  const news = ticketNews(store, lab, tickets)
  const onResult = summaries?.output
  const talk = converse({ store, lease, model, shell, limits, page, news, onResult, signal })
  const end = await talk.catch((error: unknown) => {
    endAbandoned(store, lab, messageOf(error))
    throw error
  })
  const claims = end.outcome.kind === "claims_done"
  endSession(store, lease, end, { keep_lab: claims })
  if (end.outcome.kind !== "interrupted") summaries?.session()
  if (!claims) return { outcome: end.outcome }

  const start_ms = store.clock.mono_ms()
  const verified = await context.verify(signal)
  if (!verified && signal.aborted) return { outcome: end.outcome }
  recordVerified(store, lease, verified, store.clock.mono_ms() - start_ms)
  return { outcome: end.outcome, verified }
}

/** What follows from a session. Nobody's claim was refuted when the monitor could not speak, so nothing is escalated then. */
function settle(context: Work, lease: Lease & { attempt: number }, { outcome, verified }: Worked): WorkEnd | "again" {
  const { store, lab, attempts } = context
  if (verified) return "verified"
  if (outcome.kind === "halted" && outcome.reason === OUT_OF_DOLLARS) return "out_of_dollars"
  if (outcome.kind === "model_error" && outcome.unreachable) return "unreachable"
  if (outcome.kind === "interrupted" || outcome.kind === "halted") return "stopped"
  if (outcome.kind === "claims_done" && verified === undefined) return "stopped"
  if (outcome.kind !== "gave_up" && lease.attempt < attempts) return "again"
  const reason = `attempt ${lease.attempt}: ${inWords(outcome)}`
  for (const { id } of openTickets(store, lab)) escalate(store, id, reason)
  return "escalated"
}

function inWords(outcome: Outcome): string {
  switch (outcome.kind) {
    case "claims_done":
      return "it said that it was done, and the monitor did not agree"
    case "gave_up":
      return `it gave up: ${outcome.reason}`
    case "refused":
      return `${outcome.model} refused to go on`
    case "limit":
      return `its limit was reached (${outcome.which})`
    default:
      return "reason" in outcome ? outcome.reason : "it was interrupted"
  }
}
