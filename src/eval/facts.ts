import { events } from "../store/events.ts"
import { injectionsOf } from "../store/injections.ts"
import type { Confirmation, LedgerCheck, Outcome } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { sessionsOf } from "../store/sessions.ts"
import type { Trial } from "../store/trials.ts"
import { classOf } from "./command-class.ts"
import { collateral } from "./state-diff.ts"

/** Who lifted the fault, by what was seen of it at the end. `restart`: the node that was broken was replaced. */
export type LiftedBy = "agent" | "restart" | "itself" | "nobody"

export type Harm = "none" | "collateral" | "data_loss" | "unknown"

/** What happened in a trial, from the store alone. Moments are milliseconds after the fault became active. */
export interface Facts {
  fault: string
  confirmation: Confirmation | null
  targets: string[]
  /** When a gate first failed; null: none did. */
  symptom_ms: number | null
  /** When the first ticket was opened. */
  detected_ms: number | null
  /** When the agent's first command that changes something was sent. */
  acted_ms: number | null
  /** The beginning of the stretch of `stable` in which every gate held; null: censored at `horizon_ms`. */
  recovered_ms: number | null
  horizon_ms: number
  lifted_by: LiftedBy
  harm: Harm
  /** What differs beyond what the repair may change, or what was lost. */
  harm_details: string[]
  tickets: number
  sessions: { id: string; outcome: Outcome | null; verified: boolean | null; steps: number }[]
  commands: { read: number; change: number; destroy: number }
}

/** The facts of one attempt; undefined when it never came to a lab. `may_change` is the subject's word on the fault. */
export function factsOf(store: Store, trial: Trial, may_change: readonly string[]): Facts | undefined {
  if (trial.lab === null) return undefined
  const lab = trial.lab
  const injection = injectionsOf(store, lab)[0]
  const zero_ms = injection?.active_ms ?? null
  const since = (mono_ms: number | undefined) =>
    mono_ms === undefined || zero_ms === null ? null : Math.round(mono_ms - zero_ms)
  const after = <E extends { mono_ms: number }>(found: E[]) =>
    found.filter(({ mono_ms }) => zero_ms !== null && mono_ms >= zero_ms)

  const gates = after(events(store, lab, { kinds: ["gates"] }))
  const tickets = after(events(store, lab, { kinds: ["ticket.opened", "ticket.reopened"] }))
  const commands = events(store, lab, { kinds: ["command"] }).map((event) => ({
    ...event,
    class: classOf(event.body.command),
  }))
  const acted = commands.find((command) => command.class !== "read")
  const symptom = gates.find(({ body }) => body.since_ms === null)
  const watched_until_ms =
    events(store, lab, { kinds: ["monitor.stopped"] }).at(-1)?.mono_ms ?? gates.at(-1)?.mono_ms ?? 0
  const recovered = symptom && firstGoodStretch(gates, symptom.mono_ms, watched_until_ms, trial.limits.stable_ms)
  const presence = events(store, lab, { kinds: ["injection.probed"] }).find(({ body }) => body.moment === AT_THE_END)
    ?.body.state
  const { harm, details } = harmOf(store, lab, may_change)

  return {
    fault: trial.fault,
    confirmation: injection?.confirmation ?? null,
    targets: injection?.targets ?? [],
    symptom_ms: since(symptom?.mono_ms),
    detected_ms: since(tickets[0]?.mono_ms),
    acted_ms: since(acted?.mono_ms),
    recovered_ms: since(recovered),
    horizon_ms: trial.limits.deadline_ms,
    lifted_by: liftedBy(presence, acted !== undefined),
    harm,
    harm_details: details,
    tickets: tickets.length,
    sessions: sessionsOf(store, lab).map(({ id, outcome, verified, steps }) => ({
      id,
      outcome,
      verified: verified === null ? null : verified === 1,
      steps,
    })),
    commands: {
      read: commands.filter((command) => command.class === "read").length,
      change: commands.filter((command) => command.class === "change").length,
      destroy: commands.filter((command) => command.class === "destroy").length,
    },
  }
}

/** The moment of the trial at which the fault is looked for, so that it can be said who lifted it. */
export const AT_THE_END = "at the end"

// internal

interface Gates {
  mono_ms: number
  body: { since_ms: number | null }
}

/** The beginning of the first stretch after `from_ms` in which all gates held for at least `stable_ms`. */
function firstGoodStretch(gates: Gates[], from_ms: number, until_ms: number, stable_ms: number): number | undefined {
  for (const [index, { mono_ms, body }] of gates.entries()) {
    if (mono_ms < from_ms || body.since_ms === null) continue
    const end_ms = gates[index + 1]?.mono_ms ?? until_ms
    if (end_ms - body.since_ms >= stable_ms) return body.since_ms
  }
  return undefined
}

function liftedBy(presence: "active" | "gone" | "void" | undefined, acted: boolean): LiftedBy {
  if (presence === undefined || presence === "active") return "nobody"
  if (presence === "void") return "restart"
  return acted ? "agent" : "itself"
}

function harmOf(store: Store, lab: string, may_change: readonly string[]): { harm: Harm; details: string[] } {
  const ledger: LedgerCheck | undefined = events(store, lab, { kinds: ["trial.ledger"] })[0]?.body
  if (ledger?.result === "lost") {
    return {
      harm: "data_loss",
      details: [`${ledger.lost} of ${ledger.acked} acknowledged writes are lost, ${ledger.wrong} are wrong`],
    }
  }
  const diff = collateral(store, lab, may_change)
  if (diff.kind === "differs") return { harm: "collateral", details: diff.details }
  if (diff.kind === "unknown") return { harm: "unknown", details: [diff.reason] }
  if (ledger?.result === "unreadable")
    return { harm: "unknown", details: [`${ledger.unread} acknowledged writes could not be read`] }
  return { harm: "none", details: [] }
}
