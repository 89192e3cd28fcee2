import { showDollars } from "../lib/dollars.ts"
import { showDuration } from "../lib/duration.ts"
import { showTime } from "../lib/output.ts"
import type { Event } from "../store/events.ts"
import type { EventBodies, EventKind, ModelTotals } from "../store/kinds.ts"
import { showOutcome } from "./outcome.ts"

/** One event for people: who or what, what happened, and what belongs below it. */
export interface Line {
  label: string
  text: string
  detail?: string
}

/** What an event says. Undefined for those that only repeat another one. One that was altered may hold anything, and is shown as it is. */
export function describe(event: Event): Line | undefined {
  const describer = DESCRIBERS[event.kind] as ((body: Event["body"]) => Line | undefined) | undefined
  const asItIs = { label: "unreadable", text: event.kind, detail: JSON.stringify(event.body) }
  try {
    return describer ? describer(event.body) : asItIs
  } catch (error) {
    if (error instanceof TypeError) return asItIs
    throw error
  }
}

/** What a session cost, to be said after what it did. Nothing is said of nothing: the controls are free. */
export function showCost(usd: number | null): string {
  return usd === 0 ? "" : `; cost ${showDollars(usd)}`
}

// internal

type Describers = { [K in EventKind]: (body: Event<K>["body"]) => Line | undefined }

const at = (node: string) => (node === "" ? "" : ` of ${node}`)

const DESCRIBERS: Describers = {
  "lab.created": (body) => ({ label: "lab", text: `created from ${body.subject}, by the platform ${body.platform}` }),
  "lab.adopted": (body) => ({ label: "lab", text: `the project ${body.project} adopted as ${body.subject}` }),
  "lab.up": ({ nodes, took_ms, runs_on }) => ({
    label: "lab",
    text: `${nodes.join(", ")} up in ${showDuration(took_ms)}${runs_on ? ` with Docker ${runs_on.engine.version}` : ""}`,
  }),
  "lab.kept": (body) => ({ label: "lab", text: `kept by its guardian, pid ${body.owner_pid}` }),
  "lab.deadline": () => undefined,
  "lab.ending": (body) => ({ label: "lab", text: `is taken down by ${body.by}: ${body.reason}` }),
  "lab.released": (body) => ({ label: "lab", text: `let go of; nothing of the project ${body.project} was changed` }),
  "lab.destroyed": (body) => ({
    label: "lab",
    // All of a long reason stands where the end began.
    text: `destroyed by ${body.by}: ${body.reason.split("\n")[0]}; ${body.ended_processes} processes ended`,
  }),

  "trial.stage": (body) => ({ label: "trial", text: `${body.stage}${body.reason === null ? "" : `: ${body.reason}`}` }),
  "trial.sealed": (body) => ({ label: "trial", text: `evidence sealed: samples ${body.samples.slice(0, 12)}…` }),
  "trial.ledger": (body) => ({
    label: "ledger",
    text:
      body.result === "not_measured"
        ? "not measured: no acknowledged write can be read back"
        : `${body.result}: ${body.acked} acknowledged, ${body.lost} lost, ${body.wrong} wrong, ${body.unread} unread`,
  }),

  "monitor.started": (body) => ({
    label: "monitor",
    text: `watches ${body.invariants.join(", ")} every ${showDuration(body.interval_ms)}`,
  }),
  "monitor.stopped": () => ({ label: "monitor", text: "stopped" }),
  observation: (body) => ({
    label: body.status,
    text: `${body.invariant}${at(body.node)}${body.reason === null ? "" : `: ${body.reason}`}`,
  }),
  gates: (body) => ({ label: "gates", text: body.since_ms === null ? `fail: ${body.failing.join(", ")}` : "all hold" }),
  node: (body) => ({
    label: "node",
    text: [`${body.node} ${body.state}`, body.ended, body.pid === null ? undefined : `pid ${body.pid}`, body.health]
      .filter((word) => word !== undefined)
      .join(", "),
  }),

  "ticket.opened": (body) => ({
    label: "ticket",
    text: `${body.ticket} opened: ${body.invariant}${at(body.node)}${body.kind === "unknown" ? " cannot be told" : ""} (${body.severity})`,
  }),
  "ticket.reopened": (body) => ({
    label: "ticket",
    text: `${body.ticket} reopened: seen ${body.occurrences} times`,
  }),
  "ticket.repeated": (body) => ({ label: "ticket", text: `${body.ticket} seen ${body.occurrences} times` }),
  "ticket.resolved": (body) => ({ label: "ticket", text: `${body.ticket} resolved: it holds again` }),
  "ticket.held": (body) => ({ label: "ticket", text: `${body.ticket} held by a person: ${body.reason}` }),
  "ticket.released": (body) => ({ label: "ticket", text: `${body.ticket} released` }),
  "ticket.closed": (body) => ({ label: "ticket", text: `${body.ticket} closed by a person: ${body.reason}` }),
  "ticket.escalated": (body) => ({ label: "ticket", text: `${body.ticket} escalated: ${body.reason}` }),

  "injection.planned": (body) => ({
    label: "fault",
    text: `${body.fault} planned${body.targets.length > 0 ? ` at ${body.targets.join(", ")}` : ""} (${body.injection})`,
  }),
  "injection.phase": (body) => ({
    label: "fault",
    text: `${body.phase}${body.reason === null ? "" : `: ${body.reason}`}`,
  }),
  "injection.confirmed": (body) => ({ label: "fault", text: `${body.confirmation}: ${body.evidence}` }),
  "injection.baseline": (body) => ({
    label: "fault",
    text: `${body.felt === null ? "nobody can tell whether it is felt" : body.felt ? "still felt" : "no longer felt"}: ${body.evidence}`,
  }),
  "injection.recovered": (body) => ({
    label: "fault",
    text: `every gate holds again since ${showTime(body.recovered_at)}`,
  }),
  "injection.probed": (body) => ({ label: "fault", text: `${PRESENCE[body.state]} ${body.moment}` }),

  "session.claimed": (body) => ({
    label: "agent",
    text: `${body.variant} claims the lab, attempt ${body.attempt} (session ${body.session})`,
  }),
  "session.ended": (body) => ({
    label: "agent",
    text: `${showOutcome(body.outcome)}, after ${body.steps} steps${showCost(body.cost_usd)}${showTotals(body.totals)}`,
  }),
  "session.verified": (body) => ({
    label: "monitor",
    text: body.verified
      ? `agrees with the claim after ${showDuration(body.waited_ms)}`
      : `does not agree with the claim after ${showDuration(body.waited_ms)}`,
  }),
  page: (body) => ({ label: "page", text: "the agent is told:", detail: body.text }),
  "model.failed": (body) => ({
    label: `asks ${body.step}`,
    text: `${body.reason}; ${body.pause_ms === null ? "not asked again" : `asked again after ${showDuration(body.pause_ms)}`}`,
  }),
  message: describeMessage,
  command: (body) => ({ label: `command ${body.step}`, text: body.reasoning, detail: `$ ${body.command.trimEnd()}` }),
  result: (body) => ({
    label: `result ${body.step}`,
    text: `${howEnded(body)} in ${showDuration(body.duration_ms)}, ${body.output_bytes} bytes`,
    detail: body.shown,
  }),
  summary: (body) => {
    const whose = body.of === "session" ? "the session" : `the output of step ${body.step}`
    return {
      label: "summary",
      text: `${body.text === null ? "none " : ""}of ${whose}${body.reason === null ? "" : `: ${body.reason}`}${showCost(body.cost_usd)}`,
      ...(body.text !== null && { detail: body.text }),
    }
  },

  "docker.request": (body) => {
    if (body.decision === "allowed" && !body.mutating) return undefined
    const about = body.containers.length > 0 ? ` ${body.containers.join(", ")}` : ""
    const denied = body.decision === "denied" ? ` is denied: ${body.reason}` : ""
    return { label: "docker", text: `${body.route ?? `${body.method} ${body.path}`}${about}${denied}` }
  },
  snapshot: (body) => ({ label: "state", text: `${body.name} captured ${body.moment} the fault` }),
  "workload.started": (body) => ({ label: "load", text: `${body.rate_per_s} requests a second, pid ${body.pid}` }),
  "workload.ended": (body) => ({ label: "load", text: `ended: ${body.reason}` }),
}

/** What it said, else what it thought. A turn that only calls is told by its commands. */
function describeMessage({ step, text, thinking, server_calls = [] }: EventBodies["message"]): Line | undefined {
  const searched = server_calls.length === 0 ? "" : JSON.stringify(server_calls)
  const detail = [thinking === undefined || text === "" ? "" : `(thinks) ${thinking}`, searched].filter(
    (part) => part !== "",
  )
  if (text === "" && thinking === undefined && searched === "") return undefined
  const said = text === "" ? { label: `thinks ${step}`, text: thinking ?? "" } : { label: `says ${step}`, text }
  return { ...said, ...(detail.length > 0 && { detail: detail.join("\n") }) }
}

/** What a session's turns took together; nothing where nothing was counted. */
function showTotals(totals: ModelTotals | undefined): string {
  if (!totals || totals.cache_hit_rate === null) return ""
  const waited = totals.waited_ms > 0 ? `, ${showDuration(totals.waited_ms)} of it for answers that did not come` : ""
  const cached = Math.round(totals.cache_hit_rate * 100)
  return `; ${cached} % of its prompts from the cache; waited ${showDuration(totals.model_ms)} for the model${waited}`
}

const PRESENCE = {
  active: "still there",
  gone: "gone",
  void: "its node was replaced",
  unknown: "cannot be told",
} as const

function howEnded(body: Event<"result">["body"]): string {
  if (body.ended_by !== "exit") return body.ended_by.replace("_", " ")
  return body.signal === null ? `exit ${body.exit_code}` : `killed by ${body.signal}`
}
