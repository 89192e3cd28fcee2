import { prepare, send } from "../../lab/http.ts"
import type { Lab } from "../../lab/lab.ts"
import type { HttpRequest } from "../../lab/subject.ts"
import type { ProbeOptions, ProbeResult } from "./answer.ts"
import { withDeadline } from "./deadline.ts"
import { connectionFailure } from "./failure.ts"

/** One request on a connection of its own: a node that has died must not be reached through an old socket. */
export async function httpProbe(lab: Lab, request: HttpRequest, options: ProbeOptions): Promise<ProbeResult> {
  const { timeout_ms, signal } = options
  const url = lab.render(request.url, options.values)
  const target = lab.resolve(url)
  if (target === undefined) return { kind: "silent", reason: `${new URL(url).hostname} is not running` }
  const prepared = prepare(lab, request, options.values, { keepalive: false })
  return withDeadline({ timeout_ms, signal }, async (deadline) => {
    const start_ms = performance.now()
    try {
      const answer = await send(target, prepared, deadline.signal)
      return { kind: "answer", value: { ...answer, duration_ms: performance.now() - start_ms } }
    } catch (error) {
      if (deadline.expired()) return { kind: "silent", reason: `no answer within ${timeout_ms} ms` }
      if (signal.aborted) return { kind: "blind", reason: "the probe was stopped" }
      // What has no code of the system's is not the node's doing: an answer too long to be judged, for instance.
      return connectionFailure(error)
    }
  })
}
