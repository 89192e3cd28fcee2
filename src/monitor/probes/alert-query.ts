import { z } from "zod"
import { messageOf } from "../../lib/errors.ts"
import { send } from "../../lab/http.ts"
import type { Lab } from "../../lab/lab.ts"
import { withDeadline } from "./deadline.ts"
import { connectionFailure } from "./failure.ts"

/** One series of an instant vector; `value` is undefined where Prometheus says NaN or gives no number. */
export interface Series {
  labels: Record<string, string>
  value: number | undefined
  /** When Prometheus evaluated it, by its own clock. */
  at_ms: number
}

export type QueryResult = { kind: "series"; series: Series[] } | { kind: "blind"; reason: string }

/** The base URL of a Prometheus, as the subject names it, and the lab that resolves it. */
export interface Prometheus {
  lab: Pick<Lab, "resolve">
  url: string
}

/**
 * Asks Prometheus for the value of an expression at this moment. Blind whatever goes wrong, since Prometheus stands between
 * the monitor and the node: no answer, an error, a warning that data is missing, an answer that is no vector.
 */
export async function queryPrometheus(
  { lab, url }: Prometheus,
  expression: string,
  { timeout_ms, signal }: { timeout_ms: number; signal: AbortSignal },
): Promise<QueryResult> {
  const target = lab.resolve(`${url.replace(/\/+$/, "")}/api/v1/query`)
  if (target === undefined) return blind("is not running")
  return withDeadline({ timeout_ms, signal }, async (deadline) => {
    try {
      const answer = await send(target, request(expression, timeout_ms), deadline.signal)
      return read(answer.status, answer.body)
    } catch (error) {
      if (deadline.expired()) return blind(`gave no answer within ${timeout_ms} ms`)
      if (signal.aborted) return blind("was not waited for")
      const failure = connectionFailure(error)
      return blind(failure.kind === "answer" ? messageOf(error) : failure.reason)
    }
  })
}

// internal

/** Prometheus' HTTP API, "Format overview" and "Instant queries". */
const answered = z.looseObject({
  status: z.literal("success"),
  data: z.looseObject({ resultType: z.string(), result: z.unknown() }),
  warnings: z.array(z.string()).optional(),
})
const refused = z.looseObject({ status: z.literal("error"), error: z.string() })
const vector = z.array(
  z.looseObject({
    metric: z.record(z.string(), z.string()),
    value: z.tuple([z.number(), z.string()]).optional(),
    histogram: z.tuple([z.number(), z.unknown()]).optional(),
  }),
)

/** Older versions report remarks on the expression among the warnings; they say nothing of the data. */
const REMARK = /^PromQL info:/

const blind = (what: string): QueryResult => ({ kind: "blind", reason: `Prometheus ${what}` })

/** A connection of its own, so that a Prometheus that was restarted is not asked through an old one. */
function request(expression: string, timeout_ms: number): BunFetchRequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ query: expression, timeout: `${timeout_ms}ms` }).toString(),
    redirect: "manual",
    keepalive: false,
    proxy: false,
  }
}

function read(status: number, body: unknown): QueryResult {
  const error = refused.safeParse(body)
  if (error.success) return blind(`says: ${error.data.error}`)
  const answer = answered.safeParse(body)
  if (!answer.success || status !== 200) return blind(`answered ${status} with something that is no result`)
  const warning = answer.data.warnings?.find((text) => !REMARK.test(text))
  if (warning !== undefined) return blind(`warns: ${warning}`)
  const { resultType, result } = answer.data.data
  if (resultType !== "vector") return blind(`answered with a ${resultType}, which has no series`)
  const found = vector.safeParse(result)
  if (!found.success) return blind("answered with a vector that cannot be read")
  return { kind: "series", series: found.data.map(toSeries) }
}

function toSeries({ metric, value, histogram }: z.output<typeof vector>[number]): Series {
  const [seconds, text] = value ?? [histogram?.[0] ?? 0, "NaN"]
  const number = Number(text.replace("Inf", "Infinity"))
  return { labels: metric, value: Number.isNaN(number) ? undefined : number, at_ms: seconds * 1_000 }
}
