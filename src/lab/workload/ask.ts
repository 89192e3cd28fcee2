import type { Clock } from "../../lib/clock.ts"
import { codeOf, messageOf } from "../../lib/errors.ts"
import { type HttpAnswer, prepare, send } from "../http.ts"
import type { Lab } from "../lab.ts"
import type { HttpRequest } from "../subject.ts"

export type Asked =
  | ({ kind: "answer"; duration_ms: number } & HttpAnswer)
  /** `sent` is false when nothing was there to send it to, or no time. */
  | { kind: "none"; sent: boolean; reason: string; duration_ms: number }

export interface AskOptions {
  clock: Clock
  timeout_ms: number
  /** The moment from which the time-out and the duration count; now, when left out. */
  since_ms?: number
  /** For the placeholders of the request, beside the lab's own. */
  values: Record<string, string>
}

/**
 * Sends one request of the workload to where its service is at this moment. Never rejects for what the network or the node does.
 * Connections are kept for later requests to the same address.
 */
export async function ask(lab: Lab, request: HttpRequest, options: AskOptions): Promise<Asked> {
  const { clock, values, since_ms = clock.mono_ms() } = options
  const url = lab.resolve(lab.render(request.url, values))
  const prepared = prepare(lab, request, values, { keepalive: true })
  const left_ms = since_ms + options.timeout_ms - clock.mono_ms()
  const none = (sent: boolean, reason: string): Asked => {
    return { kind: "none", sent, reason, duration_ms: clock.mono_ms() - since_ms }
  }
  if (url === undefined) return none(false, "no node is running")
  if (left_ms <= 0) return none(false, "too late to be sent")

  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), left_ms)
  try {
    const answer = await send(url, prepared, abort.signal)
    return { kind: "answer", ...answer, duration_ms: clock.mono_ms() - since_ms }
  } catch (error) {
    if (abort.signal.aborted) return none(true, `no answer within ${options.timeout_ms} ms`)
    return none(true, codeOf(error) ?? messageOf(error))
  } finally {
    clearTimeout(timer)
  }
}
