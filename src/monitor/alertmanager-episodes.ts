import type { AlertmanagerAlert } from "./alertmanager-message.ts"

/** What is remembered of one alert: when it began to fire and, once it is over, when that was and when it was heard. */
export interface Episode {
  starts_ms: number
  ended?: { at_ms: number; heard_ms: number }
}

/** Word of an alert that fires may arrive this late after the word that it is over; what comes later fires indeed. */
export const DISORDER_MS = 300_000

/** What one more word on an alert means: something to observe, or nothing new; and what to remember. */
export interface Heard {
  says: "violated" | "ok" | undefined
  episode: Episode
}

/**
 * Words may come twice and in any order. One that fires counts unless it is of an episode that is over; one that resolves counts for
 * what is known to fire, and only when that began before. `known` is undefined for an alert that nothing is known of.
 */
export function hearAlert(
  known: Episode | undefined,
  { status, startsAt, endsAt }: Pick<AlertmanagerAlert, "status" | "startsAt" | "endsAt">,
  now_ms: number,
): Heard {
  const over = known?.ended
  if (status === "firing") {
    const isLate = over !== undefined && startsAt < over.at_ms && now_ms - over.heard_ms < DISORDER_MS
    return isLate ? { says: undefined, episode: known! } : { says: "violated", episode: { starts_ms: startsAt } }
  }
  const ended = { at_ms: Math.max(endsAt, over?.at_ms ?? 0), heard_ms: now_ms }
  if (known === undefined || over) return { says: undefined, episode: { starts_ms: startsAt, ended } }
  if (endsAt < known.starts_ms) return { says: undefined, episode: known }
  return { says: "ok", episode: { starts_ms: known.starts_ms, ended } }
}
