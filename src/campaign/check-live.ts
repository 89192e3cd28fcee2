import { collateral } from "../eval/state-diff.ts"
import type { Lab, Platform } from "../lab/lab.ts"
import { lastWords } from "../lab/last-words.ts"
import type { Subject } from "../lab/subject.ts"
import { checkLedger } from "../lab/workload/check.ts"
import { showDuration } from "../lib/duration.ts"
import { clipped } from "../lib/text.ts"
import type { LedgerCheck } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { listTickets, type Ticket, UNSETTLED } from "../store/tickets.ts"
import { labelOf } from "../monitor/target.ts"
import { type LastSeen, lastSeen } from "./last-seen.ts"
import { PARKED_MS, raiseStand, type Stand } from "./stand.ts"
import { keepState } from "./state.ts"
import { takeDown } from "./take-down.ts"

export interface LiveOptions {
  platform: Platform
  /** How long nothing may happen. */
  quiet_ms: number
  signal: AbortSignal
  /** Is given what happens, as it does. */
  tell(text: string): void
}

/** What became of a subject that was run and left alone. */
export interface LiveCheck {
  lab: string
  platform: Platform
  /** From when its nodes were up until all gates had held for `ready.stable`; null when they did not in time. */
  ready_ms: number | null
  quiet_ms: number
  /** Each invariant at each node, as it was seen last. */
  observations: LastSeen[]
  /** Opened, or not settled, while nothing was wrong. */
  tickets: Ticket[]
  /** null: there was nothing to look for. */
  ledger: LedgerCheck | null
  /** What does not hold, in words; nothing when all does. */
  not_held: string[]
}

/**
 * Runs a subject as a trial does, breaks nothing, and says what does not hold all the same: a gate before it is ready, an invariant that
 * is violated or cannot be told, a ticket, a state that differs after a while of quiet, a write that cannot be read back. The lab is gone
 * when this resolves or rejects.
 */
export async function checkLive(store: Store, subject: Subject, options: LiveOptions): Promise<LiveCheck> {
  const { platform, quiet_ms, signal, tell } = options
  const deadline_ms = subject.ready.timeout + PARKED_MS
  const stand = await raiseStand(store, { subject, platform, trial: null, deadline_ms, signal })
  tell(`${stand.lab.id}: is up; waiting until every gate has held for ${showDuration(subject.ready.stable)}`)
  stand.startDeadline(TOLD_WITHIN_MS + quiet_ms)
  const seen = await leaveAlone(store, stand, options).then(
    (check) => ({ check }),
    (error: unknown) => ({ error }),
  )
  await takeDown(store, stand, { tell, strict: "check" in seen })
  if ("error" in seen) throw seen.error
  return seen.check
}

// internal

/** A gate must hold at once; an alert over a minute of samples may need that minute before it can be told. */
const TOLD_WITHIN_MS = 75_000
/** What is acknowledged must be there when the load has ended. */
const LEDGER_TIMEOUT_MS = 10_000
/** Of one thing that does not hold; the log has all of it. */
const MAX_SHOWN_CHARS = 500

async function leaveAlone(store: Store, stand: Stand, { platform, quiet_ms, tell }: LiveOptions): Promise<LiveCheck> {
  const { lab, monitor } = stand
  const start_ms = store.clock.mono_ms()
  const look = () => lastSeen(store, lab.id, monitor.watches)
  const begun = { lab: lab.id, platform, quiet_ms }
  const { timeout, stable } = lab.subject.ready
  if (!(await stand.until(() => monitor.holdsFor(stable), timeout))) {
    const [observations, tickets] = [look(), unsettled(store, lab)]
    const short = [`not ready within ${showDuration(timeout)}`, ...trouble(observations, tickets)].map(inShort)
    const not_held = [...short, await lastWords(lab)].filter(Boolean)
    return { ...begun, ready_ms: null, observations, tickets, ledger: null, not_held }
  }
  const ready_ms = Math.round(store.clock.mono_ms() - start_ms)
  tell(`ready after ${showDuration(ready_ms)}`)
  await untilTold(look, stand, tell)

  const uncaptured = await keepState(store, lab, "before")
  const captured = lab.subject.state.length - uncaptured.length
  const state = lab.subject.state.length === 0 ? "it declares no state" : "the state is captured"
  tell(`${state}; quiet for ${showDuration(quiet_ms)}`)
  const quiet_from_ms = store.clock.mono_ms()
  const deaf = monitor.onChange(({ observation, ...of }) =>
    tell(`${observation.status}: ${labelOf(of)}${because(observation)}`),
  )
  await stand.until(() => false, quiet_ms)
  deaf()

  await stand.quiet()
  await keepState(store, lab, "after")
  const ledger = lab.subject.workload ? await checkLedger(store, lab, { timeout_ms: LEDGER_TIMEOUT_MS }) : null
  const observations = look()
  const tickets = listTickets(store, { lab: lab.id }).filter(
    ({ state, last_ms }) => UNSETTLED.includes(state) || last_ms >= quiet_from_ms,
  )
  const not_held = [
    ...uncaptured.map(({ name, reason }) => `the state "${name}" cannot be captured: ${reason}`),
    ...(captured > 0 ? changedState(store, lab) : []),
    ...trouble(observations, tickets),
    ...lostWrites(ledger),
  ]
  return { ...begun, ready_ms, observations, tickets, ledger, not_held: not_held.map(inShort) }
}

/** What nobody can tell yet, an alert for instance whose metrics were not scraped, gets a while. */
async function untilTold(look: () => LastSeen[], { until }: Stand, tell: (text: string) => void): Promise<void> {
  const untold = () => look().filter(({ status }) => status === "unknown")
  const first = untold()
  if (first.length === 0) return
  tell(`waiting for what cannot be told yet: ${first.map(labelOf).join(", ")}`)
  await until(() => untold().length === 0, TOLD_WITHIN_MS)
}

function unsettled(store: Store, lab: Lab): Ticket[] {
  return listTickets(store, { lab: lab.id, states: UNSETTLED })
}

/** A notice may be violated for less than its `for`, as vendors' alerts are while a cluster begins: that is no ticket. */
function trouble(observations: readonly LastSeen[], tickets: readonly Ticket[]): string[] {
  return observations.flatMap((seen) => {
    const label = labelOf(seen)
    const ticket = tickets.find((one) => labelOf(one) === label)
    if (seen.status === "ok") return ticket ? [`${label} was ${ticket.kind} for a while (${ticket.id})`] : []
    const counts = seen.role === "gate" || seen.status === "unknown" || ticket !== undefined
    return counts ? [`${label} is ${seen.status}${because(seen)}`] : []
  })
}

function because({ reason }: { reason: string | null }): string {
  return reason === null ? "" : `: ${reason}`
}

function changedState(store: Store, lab: Lab): string[] {
  const diff = collateral(store, lab.id, [])
  if (diff.kind === "same") return []
  const details = diff.kind === "differs" ? diff.details : [diff.reason]
  return details.map((detail) => `the state does not stay the same although nothing is broken: ${detail}`)
}

function lostWrites(ledger: LedgerCheck | null): string[] {
  if (ledger === null || ledger.result === "intact" || ledger.result === "not_measured") return []
  const { acked, lost, wrong, unread, examples } = ledger
  return [`${lost + wrong + unread} of ${acked} acknowledged writes cannot be read back: ${examples[0] ?? ""}`]
}

function inShort(text: string): string {
  return clipped(text, MAX_SHOWN_CHARS)
}
