import { showDuration } from "../../lib/duration.ts"
import { codeOf, messageOf, OperatorError } from "../../lib/errors.ts"
import { clipped, squeezed } from "../../lib/text.ts"
import { credentialsIn } from "../sandbox/environment.ts"
import { withoutSecrets } from "../sandbox/redact.ts"

/** An attempt at a request that gave no turn. */
export interface Failure {
  reason: string
  /** As HTTP names it; null when no answer came, or when it broke. */
  status: number | null
  /** What is wrong is the request itself, that is the conversation that it holds: as too long, for instance. */
  our_fault: boolean
  /** Whether another attempt may do better. */
  passing: boolean
  /** What the API asks to wait; null when it did not say. */
  asked_pause_ms: number | null
  /** An answer may have begun, and what it cost by then nobody says. False: the request was refused, or never arrived. */
  billed: boolean
}

/** No turn could be had. */
export class NoTurn extends OperatorError {
  /** False: the conversation itself was refused, as too long for instance. True: the model could not be reached, whatever was said. */
  readonly unreachable: boolean

  constructor(failure: Failure, attempts: number) {
    const { reason, asked_pause_ms: asked_ms } = failure
    const absurd = asked_ms !== null && asked_ms > LONGEST_PAUSE_MS
    const notes = [
      ...(attempts > 1 ? [`${attempts} attempts`] : []),
      ...(absurd ? [`to be asked again in ${showDuration(asked_ms)}`] : []),
    ]
    super(notes.length > 0 ? `${reason} (${notes.join(", ")})` : reason)
    this.unreachable = !failure.our_fault
  }
}

/** The key is not taken, or not under this header. */
export const UNAUTHORISED = 401

/** No more attempts at one turn than this: with the pauses between them they take a minute. */
export const MAX_ATTEMPTS = 8

/** Whoever asks for a longer pause than this is not waited for: the session is on call. */
export const LONGEST_PAUSE_MS = 120_000

/**
 * What an error of the SDK says. It has a `status` when there was an HTTP answer, a `type` when the API named the error in the midst
 * of a stream, and neither when the connection or the stream broke (the SDK's core/error.ts).
 */
export function failureOf(error: unknown): Failure {
  const { status, type, headers } = error as { status?: unknown; type?: unknown; headers?: Headers }
  if (typeof status === "number") {
    const said = headers?.get("x-should-retry")
    const passing = said === "true" || (said !== "false" && (PASSING.includes(status) || status >= 500))
    const our_fault = OUR_FAULT.includes(status)
    const said_more = { reason: reasonOf(error, `${status}`), asked_pause_ms: askedPause(headers) }
    return { status, passing, our_fault, billed: false, ...said_more }
  }
  const named = typeof type === "string" ? type : ""
  const [passing, our_fault] = [!LASTING_TYPES.includes(named), OUR_FAULT_TYPES.includes(named)]
  const billed = !LASTING_TYPES.includes(named) && !NEVER_ARRIVED.includes(codeOf((error as Error).cause) ?? "")
  return { status: null, passing, our_fault, billed, reason: reasonOf(error, named), asked_pause_ms: null }
}

/** How long to wait after the attempt of this number, from 1 on; null: not at all, since there will be no other. */
export function pauseAfter(attempt: number, failure: Failure, random: () => number): number | null {
  if (!failure.passing || attempt >= MAX_ATTEMPTS) return null
  if (failure.asked_pause_ms !== null) return failure.asked_pause_ms > LONGEST_PAUSE_MS ? null : failure.asked_pause_ms
  const pause_ms = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_OWN_PAUSE_MS)
  return Math.round(pause_ms * (1 - JITTER * random()))
}

// internal

const PASSING = [408, 409, 429]
const OUR_FAULT = [400, 413, 422]

/** Errors in a stream that another attempt would meet again. Those that nobody knows are taken as passing, as with HTTP from 500 on. */
const OUR_FAULT_TYPES = ["invalid_request_error", "request_too_large"]
const LASTING_TYPES = [
  ...OUR_FAULT_TYPES,
  ...["authentication_error", "permission_error", "billing_error", "not_found_error"],
]

/** Codes of a connection that never came to be, in Node's words and in Bun's. */
const NEVER_ARRIVED = ["ECONNREFUSED", "ConnectionRefused", "ENOTFOUND", "FailedToOpenSocket", "DNSResolveFailed"]

const FIRST_PAUSE_MS = 500
const LONGEST_OWN_PAUSE_MS = 30_000
/** Sessions that were refused together don't come back together. */
const JITTER = 0.25

const LONGEST_REASON_CHARS = 300
/** Of what came instead of an answer, no more is looked at. */
const LONGEST_PAGE_CHARS = 4_000

/** `retry-after` is a number of seconds or a date (RFC 9110, section 10.2.3). To be asked for none at all is to be asked for nothing. */
function askedPause(headers: Headers | undefined): number | null {
  const exact_ms = Number(headers?.get("retry-after-ms") ?? Number.NaN)
  if (exact_ms > 0) return exact_ms
  const text = headers?.get("retry-after") ?? ""
  const seconds = Number(text)
  const asked_ms = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1_000
  return asked_ms > 0 ? asked_ms : null
}

/** One line, without the key that a gateway may quote. Its page is shown by its title. */
function reasonOf(error: unknown, what: string): string {
  const { apiMessage, type, cause } = error as { apiMessage?: unknown; type?: unknown; cause?: unknown }
  const message: string = typeof apiMessage === "string" ? apiMessage : messageOf(cause ?? error)
  const page = withoutSecrets(message.slice(0, LONGEST_PAGE_CHARS), credentialsIn(process.env))
  const text = /<title>([^<]*)<\/title>/i.exec(page)?.[1] ?? page.replaceAll(/<[^>]*>/g, " ")
  const kind = typeof type === "string" && type !== what ? ` ${type}` : ""
  const said = squeezed(text)
  const whole = what === "" ? said : said.startsWith(what) ? said : `${what}${kind}: ${said}`
  return clipped(whole, LONGEST_REASON_CHARS)
}
