import type { Lab } from "../lab/lab.ts"
import { severityOf, summaryOf } from "../lab/rules.ts"
import { OperatorError } from "../lib/errors.ts"
import type { Store } from "../store/open.ts"
import { listTickets } from "../store/tickets.ts"
import { type Episode, hearAlert } from "./alertmanager-episodes.ts"
import type { AlertmanagerAlert } from "./alertmanager-message.ts"
import type { Observation } from "./judge.ts"
import { nodeOfSeries } from "./probes/alert-label.ts"
import type { Target } from "./target.ts"
import type { Monitor } from "./watch.ts"

/** Alerts that fire at once. More need a person, not more tickets. */
export const MAX_FIRING = 500
/** Alerts that are remembered; those that are over are forgotten first, the oldest first of all. */
export const MAX_REMEMBERED = 5_000

export class TooManyAlerts extends OperatorError {}

/** Turns what Alertmanager says into observations of notices: an alert's name is the invariant, its fingerprint makes the node. */
export interface Inbox {
  /** Throws TooManyAlerts, or whatever keeps the monitor from writing. */
  hear(alert: AlertmanagerAlert): void
}

export function alertmanagerInbox(store: Store, lab: Lab, monitor: Pick<Monitor, "hear">): Inbox {
  const episodes = new Map<string, Episode>()
  const watched = new Set(lab.subject.invariants.map(({ name }) => name))
  let firing = 0

  const remember = (key: string, before: Episode | undefined, episode: Episode) => {
    firing += Number(isFiring(episode)) - Number(before !== undefined && isFiring(before))
    episodes.delete(key)
    episodes.set(key, episode)
    if (episodes.size > MAX_REMEMBERED) forgetOne(episodes)
  }
  return {
    hear: (alert) => {
      const target = targetOf(alert, lab, watched)
      const key = `${target.invariant}\n${target.node}`
      const known = episodes.get(key) ?? fromTickets(store, lab.id, target)
      const { says, episode } = hearAlert(known, alert, store.clock.mono_ms())
      const isNew = says === "violated" && !(episodes.has(key) && known !== undefined && isFiring(known))
      if (isNew && firing >= MAX_FIRING) throw new TooManyAlerts(`more than ${MAX_FIRING} alerts fire`)
      if (says !== undefined) monitor.hear(target, observationOf(alert, says))
      remember(key, episodes.get(key), episode)
    },
  }
}

// internal

const isFiring = ({ ended }: Episode) => ended === undefined

/** An invariant of the subject's own with the same name is another one: what one of the two sees must not settle the other's ticket. */
function targetOf(alert: AlertmanagerAlert, lab: Lab, watched: ReadonlySet<string>): Target {
  const name = alert.labels.alertname || "alert"
  const node = nodeOfSeries(alert.labels, lab.subject.services)
  return {
    invariant: watched.has(name) ? `${name}_alertmanager` : name,
    node: node === undefined ? alert.fingerprint : `${node} ${alert.fingerprint}`,
    role: "notice",
    severity: severityOf(alert.labels),
    for_ms: 0,
    every_ms: 0,
    look: async () => undefined,
  }
}

function observationOf(alert: AlertmanagerAlert, status: "ok" | "violated"): Observation {
  const { labels, annotations, startsAt, endsAt } = alert
  const starts_at = new Date(startsAt).toISOString()
  if (status === "ok") return { status, value: { starts_at, ends_at: new Date(endsAt).toISOString() }, reason: null }
  return { status, value: { starts_at, labels, annotations }, reason: summaryOf(annotations) ?? "the alert fires" }
}

/** What an earlier monitor has left of an alert: its last ticket says when it began, and whether it is over. */
function fromTickets(store: Store, lab: string, { invariant, node }: Target): Episode | undefined {
  const last = listTickets(store, { lab }).findLast((one) => one.invariant === invariant && one.node === node)
  if (!last) return undefined
  const { value } = (last.observation ?? {}) as { value?: { starts_at?: string } }
  const starts_ms = Date.parse(value?.starts_at ?? last.opened_at)
  if (last.state !== "resolved" || last.settled_at === null) return { starts_ms }
  return { starts_ms, ended: { at_ms: Date.parse(last.settled_at), heard_ms: last.settled_ms ?? 0 } }
}

function forgetOne(episodes: Map<string, Episode>): void {
  for (const [key, episode] of episodes) {
    if (isFiring(episode)) continue
    episodes.delete(key)
    return
  }
}
