import type { About } from "./route.ts"

/**
 * Turns one value of a body into what may be sent on, or refuses it. `undefined` leaves the field out.
 * The engine takes JSON keys in any case, and the last of two: so what is sent is built anew from what the rules return, and from nothing else.
 */
export type Rule = (value: unknown, at: string, rebuilding: Rebuilding) => unknown

export interface Rebuilding {
  about: About
  /** Refuses the whole body. `status` is 403 unless said otherwise. */
  refuse(reason: string, status?: number): undefined
}

export type Rebuilt =
  { kind: "rebuilt"; body: Record<string, unknown> } | { kind: "refused"; status: number; reason: string }

/** The body according to its rule, which must be one of `fields`. */
export async function rebuild(rule: Rule, body: unknown, about: About): Promise<Rebuilt> {
  const refusals: { reason: string; status: number }[] = []
  const refuse = (reason: string, status = 403) => void refusals.push({ reason, status })
  const rebuilt = await rule(body, "", { about, refuse: refuse as Rebuilding["refuse"] })
  const [first] = refusals
  if (first)
    return {
      kind: "refused",
      status: first.status,
      reason: refusals
        .map(({ reason }) => reason)
        .slice(0, 5)
        .join("; "),
    }
  return { kind: "rebuilt", body: (rebuilt ?? {}) as Record<string, unknown> }
}

/** An object of known fields, exactly as they are written. Others are left out when they say nothing, and refused when they do. */
export function fields(rules: Record<string, Rule>): Rule {
  return async (value, at, rebuilding) => {
    if (!isObject(value)) return rebuilding.refuse(`${at || "the body"} must be an object`, 400)
    const made: Record<string, unknown> = {}
    for (const [key, given] of Object.entries(value)) {
      const where = at === "" ? key : `${at}.${key}`
      if (!Object.hasOwn(rules, key)) {
        if (!isEmpty(given)) rebuilding.refuse(`${where.slice(0, 100)} is not allowed here`)
      } else if (given !== null) {
        const kept = await rules[key]!(given, where, rebuilding)
        if (kept !== undefined) made[key] = kept
      }
    }
    return made
  }
}

export function listOf(rule: Rule): Rule {
  return async (value, at, rebuilding) => {
    if (!Array.isArray(value)) return rebuilding.refuse(`${at} must be a list`, 400)
    const made: unknown[] = []
    for (const item of value) made.push(await rule(item, at, rebuilding))
    return made
  }
}

/** An object whose keys are the caller's own words. */
export function mapOf(key_pattern: RegExp, rule: Rule): Rule {
  return async (value, at, rebuilding) => {
    if (!isObject(value)) return rebuilding.refuse(`${at} must be an object`, 400)
    const made: [string, unknown][] = []
    for (const [key, given] of Object.entries(value)) {
      if (!key_pattern.test(key)) return rebuilding.refuse(`${at} must not have "${key.slice(0, 100)}"`)
      made.push([key, await rule(given, `${at}.${key.slice(0, 100)}`, rebuilding)])
    }
    return Object.fromEntries(made)
  }
}

export function text(pattern: RegExp = /^[^\0]*$/): Rule {
  return (value, at, { refuse }) => {
    if (typeof value !== "string") return refuse(`${at} must be a text`, 400)
    return pattern.test(value) ? value : refuse(`${at} must not be "${value.slice(0, 100)}"`)
  }
}

/** A number that JSON and the engine write alike, within bounds. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Rule {
  return (value, at, { refuse }) => {
    if (!Number.isSafeInteger(value)) return refuse(`${at} must be a whole number`, 400)
    const number = value as number
    return number >= min && number <= max ? number : refuse(`${at} must be from ${min} to ${max}`)
  }
}

export const flag: Rule = (value, at, { refuse }) => {
  return typeof value === "boolean" ? value : refuse(`${at} must be true or false`, 400)
}

/** A field that clients send and that nobody needs. */
export const ignored: Rule = () => undefined

/** Nothing, false, zero, or a container of such: what a client writes into the fields that its user did not ask for. */
export function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (isObject(value)) return Object.values(value).every(isEmpty)
  return value === null || value === false || value === 0 || value === ""
}

/** A value of the client's as a refusal names it. */
export function shown(value: unknown): string {
  return (typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing")).slice(0, 200)
}

// internal

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
