import { type Event, events } from "../store/events.ts"
import { HEALED_PAGE, injectionsOf } from "../store/injections.ts"
import type { Confirmation, EventBodies, EventKind, LedgerCheck, Outcome } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { type Session, sessionsOf } from "../store/sessions.ts"
import type { Trial } from "../store/trials.ts"
import { classOf } from "./command-class.ts"
import type { CommandClass } from "./program-class.ts"
import { collateral } from "./state-diff.ts"

/** Who lifted the fault, by what was seen of it at the end. `restart`: the node that was broken was replaced. */
export type LiftedBy = "agent" | "restart" | "itself" | "nobody"

export type Harm = "none" | "collateral" | "data_loss" | "unknown"

/** What happened in a trial, from the store alone. Moments are milliseconds after the fault became active, 0 when it was felt before that. */
export interface Facts {
  fault: string
  confirmation: Confirmation | null
  targets: string[]
  /** When a gate was first violated; null: none was. */
  symptom_ms: number | null
  /** When the first ticket was opened. */
  detected_ms: number | null
  /** When the agent first changed something: by a command of its own, or by what its Docker client asked of the engine. */
  acted_ms: number | null
  /** The beginning of the first stretch of `stable` after the symptom in which every gate held, when all hold at the end as well; null: censored at `horizon_ms`. */
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

/** What the subject says that facts depend on. */
export interface Declared {
  /** The invariants that are gates. */
  gates: readonly string[]
  /** The parts of its state that a repair of the fault may change. */
  may_change: readonly string[]
}

/** The facts of one attempt; undefined when it never came to a lab. */
export function factsOf(store: Store, trial: Trial, declared: Declared): Facts | undefined {
  if (trial.lab === null) return undefined
  const lab = trial.lab
  const injection = injectionsOf(store, lab)[0]
  const log = watched(store, lab, trial.fault)
  // Where the fault has gone before the agent is called, everything counts from the call.
  const zero_ms = (trial.fault === HEALED_PAGE ? log[0]?.mono_ms : injection?.active_ms) ?? null
  const since = (mono_ms: number | undefined) =>
    mono_ms === undefined || zero_ms === null ? null : Math.max(0, Math.round(mono_ms - zero_ms))

  const sessions = sessionsOf(store, lab)
  const commands = commandsOf(log, sessions)
  const acts = [...commands.filter((command) => command.class !== "read"), ...of(log, "docker.request").filter(isAct)]
  const acted_ms = since(acts.map(({ mono_ms }) => mono_ms).sort((a, b) => a - b)[0])
  const symptom = of(log, "observation").find(
    ({ body }) => body.status === "violated" && declared.gates.includes(body.invariant),
  )
  const last_look = of(log, "injection.probed").find(({ body }) => body.moment === AT_THE_END)?.body.state
  const stretch_ms = since(symptom && firstGoodStretch(log, symptom.mono_ms, trial.limits.stable_ms))
  // Gates that hold while the fault is there say that nobody looked, not that the lab is well; nor is one well that broke again.
  const in_time = stretch_ms !== null && stretch_ms <= trial.limits.deadline_ms
  const failing = of(log, "gates").at(-1)?.body.since_ms === null
  const recovered_ms = in_time && last_look !== "active" && !failing ? stretch_ms : null
  const opened = [...of(log, "ticket.opened"), ...of(log, "ticket.reopened")]
  const { harm, details } = harmOf(store, lab, declared.may_change)
  const count = (wanted: CommandClass) => commands.filter((command) => command.class === wanted).length

  return {
    fault: trial.fault,
    confirmation: injection?.confirmation ?? null,
    targets: injection?.targets ?? [],
    symptom_ms: since(symptom?.mono_ms),
    detected_ms: since(opened.map(({ mono_ms }) => mono_ms).sort((a, b) => a - b)[0]),
    acted_ms,
    recovered_ms,
    horizon_ms: trial.limits.deadline_ms,
    lifted_by: liftedBy(last_look, acted_ms, recovered_ms),
    harm,
    harm_details: details,
    tickets: new Set(opened.map(({ body }) => body.ticket)).size,
    sessions: sessions.map(({ id, outcome, verified, steps }) => ({
      id,
      outcome,
      verified: verified === null ? null : verified === 1,
      steps,
    })),
    commands: { read: count("read"), change: count("change"), destroy: count("destroy") },
  }
}

/** The moment of the trial at which the fault is looked for, so that it can be said who lifted it. */
export const AT_THE_END = "at the end"

// internal

/**
 * The log from the moment at which the fault was being injected, since it may be felt before that has ended, to the moment
 * at which healing began, since healing stops the load and mends what the agent did not. A fault that had gone before the
 * agent was called is not in it.
 */
function watched(store: Store, lab: string, fault: string): Event[] {
  const log = events(store, lab)
  const from = log.findIndex((event) =>
    fault === HEALED_PAGE
      ? isKind(event, "trial.stage") && event.body.stage === "watching"
      : isKind(event, "injection.phase") && event.body.phase === "injecting",
  )
  const to = log.findIndex((event) => isKind(event, "trial.stage") && event.body.stage === "healing")
  return from < 0 ? [] : log.slice(from, to < 0 ? log.length : to + 1)
}

function isKind<K extends EventKind>(event: Event, kind: K): event is Event<K> {
  return event.kind === kind
}

function of<K extends EventKind>(log: readonly Event[], kind: K): Event<K>[] {
  return log.filter((event) => isKind(event, kind))
}

/** What the agent's sessions ran. A command that could not be started has changed nothing. */
function commandsOf(log: readonly Event[], sessions: readonly Session[]) {
  const call = ({ session, body }: Event<"command"> | Event<"result">) => `${session} ${body.step} ${body.call}`
  const ids = new Set(sessions.map(({ id }) => id))
  const never = new Set(
    of(log, "result").flatMap((event) => (event.body.ended_by === "spawn_failed" ? [call(event)] : [])),
  )
  return of(log, "command")
    .filter((event) => ids.has(event.session ?? "") && !never.has(call(event)))
    .map((event) => ({ mono_ms: event.mono_ms, class: classOf(event.body.command) }))
}

/** What runs in a container is a command, and judged as one. */
function isAct({ body }: Event<"docker.request">): boolean {
  return body.mutating && body.decision === "allowed" && !COMMANDS.includes(body.route ?? "")
}

const COMMANDS = ["run command", "attach"]

/** The beginning of the first stretch from `from_ms` on in which all gates held for `stable_ms`, as far as a monitor watched. */
function firstGoodStretch(log: readonly Event[], from_ms: number, stable_ms: number): number | undefined {
  const turns = log.filter((event) => isTurn(event))
  for (const [index, turn] of turns.entries()) {
    if (!isKind(turn, "gates") || turn.body.since_ms === null || turn.mono_ms < from_ms) continue
    const start_ms = turn.body.since_ms < from_ms ? turn.mono_ms : turn.body.since_ms
    const end_ms = turns[index + 1]?.mono_ms ?? turn.mono_ms
    if (end_ms - start_ms >= stable_ms) return start_ms
  }
  return undefined
}

/** A stretch ends when a gate fails, and when nobody watches any longer. */
function isTurn(event: Event): boolean {
  if (isKind(event, "trial.stage")) return event.body.stage === "healing"
  return event.kind === "gates" || event.kind === "monitor.started" || event.kind === "monitor.stopped"
}

/** By what was seen of the fault at the end. Who acted after the lab had recovered did not lift it. */
function liftedBy(
  presence: EventBodies["injection.probed"]["state"] | undefined,
  acted_ms: number | null,
  recovered_ms: number | null,
): LiftedBy {
  if (presence === undefined || presence === "active") return "nobody"
  if (presence === "void") return "restart"
  return acted_ms !== null && (recovered_ms === null || acted_ms <= recovered_ms) ? "agent" : "itself"
}

function harmOf(store: Store, lab: string, may_change: readonly string[]): { harm: Harm; details: string[] } {
  const ledger: LedgerCheck | undefined = events(store, lab, { kinds: ["trial.ledger"] })[0]?.body
  const diff = collateral(store, lab, may_change)
  const differs = diff.kind === "differs" ? diff.details : []
  if (ledger?.result === "lost") {
    const lost = `${ledger.lost} of ${ledger.acked} acknowledged writes are lost, ${ledger.wrong} are wrong`
    return { harm: "data_loss", details: [lost, ...differs] }
  }
  if (differs.length > 0) return { harm: "collateral", details: differs }
  const unknown = diff.kind === "unknown" ? [diff.reason] : []
  if (ledger === undefined) unknown.push("the ledger was not checked")
  if (ledger?.result === "unreadable") unknown.push(`${ledger.unread} acknowledged writes could not be read`)
  return { harm: unknown.length > 0 ? "unknown" : "none", details: unknown }
}
