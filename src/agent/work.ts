import { timedId } from "../lib/ids.ts"
import type { Store } from "../store/open.ts"
import { claimLab, endSession, type Lease, recordVerified, renewLease } from "../store/sessions.ts"
import { escalate, openTickets } from "../store/tickets.ts"
import { LEASE_MS, type SessionLimits } from "./limits.ts"
import { converse } from "./loop.ts"
import type { Model } from "./model/model.ts"
import { pageText, ticketNews } from "./page.ts"
import type { Shell } from "./sandbox/shell.ts"

export interface Work {
  store: Store
  lab: string
  brief: string
  variant: string
  /** A fresh model for each attempt: a conversation begins at its beginning. */
  model: () => Model
  shell: Shell
  limits: SessionLimits
  attempts: number
  /** The monitor's word on the claim: resolves true once the lab has held for `verify`, false when it does not in time. */
  verify(signal: AbortSignal): Promise<boolean>
  signal: AbortSignal
}

export type WorkEnd = "verified" | "escalated" | "stopped"

/** Works a lab's tickets: one session after another, until the monitor agrees, or the attempts are used up. */
export async function work(context: Work): Promise<WorkEnd> {
  const { store, lab, signal } = context
  while (!signal.aborted) {
    const lease = claimLab(store, {
      lab,
      session: timedId(store.clock.now()),
      variant: context.variant,
      model: context.model().name,
      lease_ms: LEASE_MS,
      max_attempts: context.attempts,
    })
    if (!lease) break
    const end = await session(context, lease)
    if (end.outcome.kind === "interrupted" || end.outcome.kind === "halted") return "stopped"
    if (end.outcome.kind === "claims_done" && (await verified(context, lease))) return "verified"
    if (end.outcome.kind === "gave_up" || lease.attempt >= context.attempts) {
      for (const ticket of openTickets(store, lab))
        escalate(store, ticket.id, `${end.outcome.kind} in attempt ${lease.attempt}`)
      return "escalated"
    }
  }
  return "stopped"
}

// internal

/** One conversation under a lease, which is renewed beside it: a command may take longer than a lease. */
async function session(context: Work, lease: Lease) {
  const { store, lab } = context
  const lost = new AbortController()
  const renewal = setInterval(() => {
    if (!renewLease(store, lease, LEASE_MS)) lost.abort("another session took the lab over")
  }, LEASE_MS / 3)
  try {
    const end = await converse({
      store,
      lease,
      model: context.model(),
      shell: context.shell,
      limits: context.limits,
      page: pageText(context.brief, openTickets(store, lab)),
      news: ticketNews(store, lab),
      signal: AbortSignal.any([context.signal, lost.signal]),
    })
    endSession(store, lease, end)
    return end
  } finally {
    clearInterval(renewal)
  }
}

async function verified(context: Work, lease: Lease): Promise<boolean> {
  const { store, signal } = context
  const start_ms = store.clock.mono_ms()
  const result = await context.verify(signal)
  recordVerified(store, lease, result, store.clock.mono_ms() - start_ms)
  return result
}
