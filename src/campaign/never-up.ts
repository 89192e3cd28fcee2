import type { Result } from "../eval/results.ts"
import { lastAttempts } from "../eval/summary.ts"
import { EnvironmentError, OperatorError } from "../lib/errors.ts"

/** How the reason of an attempt begins whose gates did not hold in time. */
export const NOT_READY = "not ready within"

/**
 * Throws when every trial ended in an error. An EnvironmentError when no lab ever came up, or was ready in time: a subject or a machine
 * is to be mended then, as for a lab that is brought up by hand.
 */
export function refuseErrorsAlone(results: readonly Result[], hint: string): void {
  const last = lastAttempts(results)
  if (last.length === 0 || last.some(({ verdict }) => verdict !== "error")) return
  const Failure = last.every(neverUp) ? EnvironmentError : OperatorError
  throw new Failure(`every trial ended in an error: ${last[0]?.reason}`, { hint })
}

// internal

/** As Compose's failures are told: "etcd-7f3a did not come up: …". */
const NOT_UP = /^\S+ did not come up: /

function neverUp({ reason }: Result): boolean {
  return reason !== null && (reason.startsWith(NOT_READY) || NOT_UP.test(reason))
}
