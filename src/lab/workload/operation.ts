import type { Clock } from "../../lib/clock.ts"
import { evaluate } from "../../lib/expression.ts"
import type { Lab } from "../lab.ts"
import type { Operation as Declared, Subject } from "../subject.ts"
import { ask, type Asked } from "./ask.ts"

/** What a write says and a read must find. Each key is written once in the life of all labs. */
export interface Entry {
  key: string
  value: string
}

/** The subject's `write` or `read`. */
export interface Operation extends Declared {
  name: "write" | "read"
}

/** `holds` is false without a status of 2xx; without an expression that status is enough. */
export type Attempt = Asked & { holds: boolean }

/** The subject's operation of this name, or undefined when it declares none. */
export function operationOf(subject: Subject, name: Operation["name"]): Operation | undefined {
  const declared = subject.workload?.[name]
  return declared && { ...declared, name }
}

/**
 * Performs an operation for one entry, once. Both time-out and duration count from `since_ms`, or from now. The
 * expression sees {status, headers, body, duration_ms, key, value}; an answer that it cannot judge does not hold.
 */
export async function attempt(
  lab: Lab,
  operation: Operation,
  entry: Entry,
  options: { clock: Clock; timeout_ms: number; since_ms?: number },
): Promise<Attempt> {
  // The number is the end of the key, so that a read has the same `{n}` as the write before it.
  const values = { ...entry, n: entry.key.slice(entry.key.lastIndexOf("-") + 1) }
  const answer = await ask(lab, operation.http, { ...options, values })
  if (answer.kind === "none" || answer.status < 200 || answer.status > 299) return { ...answer, holds: false }
  if (operation.holds === undefined) return { ...answer, holds: true }
  const { status, headers, body, duration_ms } = answer
  const found = await evaluate(operation.holds, { status, headers, body, duration_ms, ...entry })
  return { ...answer, holds: found.kind === "value" && found.value === true }
}
