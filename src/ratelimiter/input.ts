import { UsageError } from "../lib/errors.ts"
import { didYouMean } from "../lib/nearest.ts"

/** Longest key, and so longest prefix. A key is looked up in every check. */
export const MAX_KEY_CHARACTERS = 256
const CONTROL_CHARACTER = /\p{Cc}/u

/** The members of a JSON object that has no others than these. Throws UsageError otherwise. */
export function fieldsOf<Name extends string>(body: unknown, names: readonly Name[]): Partial<Record<Name, unknown>> {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new UsageError("a JSON object is expected")
  const stranger = Object.keys(body).find((name) => !names.some((known) => known === name))
  if (stranger !== undefined) throw new UsageError(`unknown field "${stranger}"${didYouMean(stranger, names)}`)
  return body
}

/** The parameters of a query that has no others than these. */
export function queryOf<Name extends string>(url: URL, names: readonly Name[]): Partial<Record<Name, string>> {
  return fieldsOf(Object.fromEntries(url.searchParams), names) as Partial<Record<Name, string>>
}

/** A string of printable characters. Throws UsageError, which names the field. */
export function text(value: unknown, name: string, bounds: { min: number; max: number }): string {
  if (value === undefined || value === null) throw new UsageError(`${name} is missing`)
  if (typeof value !== "string") throw new UsageError(`${name} is not a string`)
  if (value.length < bounds.min || value.length > bounds.max) {
    throw new UsageError(`${name} must have ${bounds.min} to ${bounds.max} characters, not ${value.length}`)
  }
  if (CONTROL_CHARACTER.test(value) || !value.isWellFormed()) throw new UsageError(`${name} has unprintable characters`)
  return value
}

export function keyFrom(value: unknown): string {
  return text(value, "key", { min: 1, max: MAX_KEY_CHARACTERS })
}

export function prefixFrom(value: unknown): string {
  return text(value, "prefix", { min: 0, max: MAX_KEY_CHARACTERS })
}

/** A whole number within bounds. Throws UsageError, which names the field. */
export function integer(value: unknown, name: string, bounds: { min: number; max: number }): number {
  if (value === undefined || value === null) throw new UsageError(`${name} is missing`)
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw new UsageError(`${name} is not a whole number`)
  if (value < bounds.min || value > bounds.max) {
    throw new UsageError(`${name} must be ${bounds.min} to ${bounds.max}, not ${value}`)
  }
  return value
}

/** The same from a command line or a query, where everything is text. */
export function integerFromText(value: string, name: string, bounds: { min: number; max: number }): number {
  return integer(/^-?\d+$/.test(value) ? Number(value) : value, name, bounds)
}
