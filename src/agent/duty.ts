import { briefOf } from "../lab/brief.ts"
import { openLab } from "../lab/open.ts"
import { getLab, type LabRow, livingLabs } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { escalate, openTickets, type Ticket } from "../store/tickets.ts"
import { ATTEMPTS } from "./limits.ts"
import { limitsOf } from "./model/make.ts"
import type { Model } from "./model/model.ts"
import { openSandbox } from "./sandbox/open.ts"
import type { Variant } from "./variant.ts"
import { work, type Work, type WorkEnd } from "./work.ts"

/** How often it is looked for a lab that needs somebody. */
const POLL_MS = 1_000

/** No model answered, although each turn was asked for again and again: an outage, or a key that is wrong. */
const UNREACHABLE_PAUSE_MS = 30_000

/** Being on call: for which labs, as whom, and whom to ask. */
export interface Duty {
  store: Store
  /** Empty: every lab that belongs to no trial. */
  labs: readonly string[]
  variant: Variant
  model: () => Model
  summaries?: Work["summaries"]
  /** Ends when there is nothing that it can work, instead of waiting for it. */
  once: boolean
  monitor: {
    watches(lab: string): boolean
    /** Its word on a claim. `silent`: it is not heard of any more, so nobody has refuted anything. */
    word(lab: string, signal: AbortSignal): Promise<"agrees" | "disagrees" | "silent">
  }
  /** Told before a lab is worked; what it returns is called afterwards. */
  follow(lab: string): () => void
  ended(lab: string, end: WorkEnd): void
  /** Told once, and again after somebody watched: nothing is done for such a lab, since nobody could verify it. */
  unwatched(lab: string): void
  signal: AbortSignal
}

/** Works labs, one at a time, until it is stopped; also ends when the labs that it was given are all gone. */
export async function onDuty(duty: Duty): Promise<void> {
  const { store, labs, once, signal } = duty
  const told = new Set<string>()
  while (!signal.aborted) {
    const own = ownLabs(duty)
    if (own.length === 0 && labs.length > 0) return
    for (const row of own) giveUpOn(store, row)
    const next = mostUrgent(own.filter((row) => isWatched(duty, row.id, told)).flatMap((row) => pending(store, row)))
    if (!next && once) return
    const end = next && (await workLab(duty, next.row))
    if (next && end) duty.ended(next.row.id, end)
    if (end === "unreachable" && once) return
    if (end === "unreachable") await store.clock.sleep(UNREACHABLE_PAUSE_MS, signal)
    if (end === undefined || end === "stopped") await store.clock.sleep(POLL_MS, signal)
  }
}

/** The one with the most severe open ticket; among equals the one of which such a ticket has been open for longest. */
export function mostUrgent<P extends Pending>(labs: readonly P[]): P | undefined {
  const ranked = labs.map((lab) => ({ lab, rank: Math.min(...lab.tickets.map(rankOf)), since: "" }))
  for (const one of ranked) {
    const gravest = one.lab.tickets.filter((ticket) => rankOf(ticket) === one.rank)
    one.since = gravest.map(({ opened_at }) => opened_at).sort()[0] ?? ""
  }
  return ranked.sort((a, b) => a.rank - b.rank || (a.since < b.since ? -1 : Number(a.since > b.since)))[0]?.lab
}

// internal

interface Pending {
  tickets: readonly Pick<Ticket, "severity" | "opened_at">[]
}

const SEVERITIES = ["critical", "warning", "info"]

/** What has a name that nobody knows comes last. */
function rankOf({ severity }: Pick<Ticket, "severity">): number {
  const rank = SEVERITIES.indexOf(severity)
  return rank === -1 ? SEVERITIES.length : rank
}

function ownLabs({ store, labs }: Duty): LabRow[] {
  return livingLabs(store).filter(({ id, trial }) => trial === null && (labs.length === 0 || labs.includes(id)))
}

/** Whether nobody works on a lab: its last session has ended, or was not heard of for a lease. */
function isFree(store: Store, { state, session, lease_until_ms }: LabRow): boolean {
  return state === "up" && (session === null || lease_until_ms < store.clock.mono_ms())
}

/** A lab that can be worked now, with what is to be done there. */
function pending(store: Store, row: LabRow): { row: LabRow; tickets: Ticket[] }[] {
  const tickets = openTickets(store, row.id)
  return tickets.length > 0 && row.attempts < ATTEMPTS && isFree(store, row) ? [{ row, tickets }] : []
}

/** What is open on a lab without an attempt left is a person's: its last agent may have died, or it was given up before. */
function giveUpOn(store: Store, { id }: LabRow): void {
  store.write(() => {
    const row = getLab(store, id)
    if (!row || row.attempts < ATTEMPTS || !isFree(store, row)) return
    for (const ticket of openTickets(store, id)) escalate(store, ticket.id, `no attempt is left after ${row.attempts}`)
  })
}

function isWatched(duty: Duty, lab: string, told: Set<string>): boolean {
  if (duty.monitor.watches(lab)) {
    told.delete(lab)
    return true
  }
  if (!told.has(lab)) duty.unwatched(lab)
  told.add(lab)
  return false
}

async function workLab(duty: Duty, row: LabRow): Promise<WorkEnd> {
  const { store, variant } = duty
  const lab = await openLab(store, row)
  // Meanwhile another one may have done it.
  if (openTickets(store, lab.id).length === 0) return "stopped"
  const silenced = new AbortController()
  await using sandbox = await openSandbox(store, lab)
  const unfollow = duty.follow(lab.id)
  try {
    return await work({
      store,
      lab: lab.id,
      brief: variant.brief ? briefOf(lab) : "",
      variant: variant.name,
      model: duty.model,
      shell: sandbox.shell,
      limits: limitsOf(variant),
      attempts: ATTEMPTS,
      summaries: duty.summaries,
      verify: async (signal) => {
        const word = await duty.monitor.word(lab.id, signal)
        if (word === "silent") silenced.abort("its monitor is not heard of any more")
        return word === "agrees"
      },
      signal: AbortSignal.any([duty.signal, silenced.signal]),
    })
  } finally {
    unfollow()
  }
}
