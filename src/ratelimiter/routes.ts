import type { Clock } from "../lib/clock.ts"
import { messageOf, UsageError } from "../lib/errors.ts"
import type { RecentDurations } from "./durations.ts"
import { fieldsOf, integer, integerFromText, keyFrom, prefixFrom, queryOf, text } from "./input.ts"
import { json, problem, readJson } from "./json.ts"
import type { Log } from "./log.ts"
import { METRICS_TYPE, type NodeMetrics } from "./metrics.ts"
import { statusOf } from "./registry.ts"
import { type Counter, type LimitStore, MAX_LIMITS, StoreUnreachable } from "./store.ts"

/** Units that one check may take. Each is a row. */
const COST = { min: 1, max: 1_000 }
/** Units in a window. A check counts them. */
const LIMIT_MAX = { min: 0, max: 100_000 }
const LIMIT_WINDOW_MS = { min: 1, max: 24 * 3_600_000 }
const BLOCK_DURATION_MS = { min: 1, max: 30 * 24 * 3_600_000 }
const REASON_CHARACTERS = { min: 1, max: 500 }
const PAGE_SIZE = { min: 1, max: 1_000 }
const DEFAULT_PAGE_SIZE = 100

/** A request, and the node that it reached. */
export interface Call {
  request: Request
  url: URL
  node: { name: string; started_at_ms: number }
  store: LimitStore
  clock: Clock
  checks: RecentDurations
  metrics: NodeMetrics
  log: Log
}

export type Handler = (call: Call) => Promise<Response>

/** Every route by method and path. `:key` stands for the rest of the path. */
export const ROUTES: ReadonlyMap<string, Handler> = new Map([
  ["POST /check", check],
  ["POST /reset", reset],
  ["GET /counters", listCounters],
  ["GET /counters/:key", showCounter],
  ["GET /limits", listLimits],
  ["PUT /limits", setLimit],
  ["DELETE /limits", removeLimit],
  ["GET /blocks", listBlocks],
  ["POST /blocks", block],
  ["DELETE /blocks", unblock],
  ["GET /nodes", listNodes],
  ["GET /health", health],
  ["GET /metrics", showMetrics],
])

// internal

async function check({ request, node, store, clock, checks, metrics }: Call): Promise<Response> {
  const body = fieldsOf(await readJson(request), ["key", "cost"])
  const key = keyFrom(body.key)
  const cost = integer(body.cost ?? 1, "cost", COST)

  const start_ms = clock.mono_ms()
  const decision = await store
    .check(key, cost)
    .catch((error: unknown) => {
      metrics.checked("failed")
      throw error
    })
    .finally(() => {
      const end_ms = clock.mono_ms()
      checks.add(end_ms - start_ms, end_ms)
    })
  metrics.checked(decision.kind)

  if (decision.kind === "blocked") return json(403, { allowed: false, blocked: true, reason: decision.reason })
  const { remaining, reset_ms } = decision
  const answer = {
    allowed: decision.kind === "allowed",
    remaining,
    limit: decision.limit.max,
    reset_ms,
    node: node.name,
  }
  if (decision.kind === "allowed") return json(200, answer)
  const { retry_after_ms } = decision
  return json(429, { ...answer, retry_after_ms }, { "retry-after": String(Math.ceil(retry_after_ms / 1_000)) })
}

async function reset({ request, store, log }: Call): Promise<Response> {
  const key = keyFrom(fieldsOf(await readJson(request), ["key"]).key)
  const forgotten = await store.reset(key)
  log("key_reset", { key, forgotten })
  return json(200, { key, forgotten })
}

/** A page of counters; `next`, if it isn't null, is the `after` of the page that follows. */
async function listCounters({ url, store }: Call): Promise<Response> {
  const query = queryOf(url, ["prefix", "after", "limit"])
  const prefix = prefixFrom(query.prefix ?? "")
  const after = prefixFrom(query.after ?? "")
  const size = integerFromText(query.limit ?? String(DEFAULT_PAGE_SIZE), "limit", PAGE_SIZE)
  const found = await store.counters({ prefix, after, size: size + 1 })
  const shown = found.slice(0, size)
  return json(200, { counters: shown.map(shownCounter), next: found.length > size ? shown.at(-1)?.key : null })
}

async function showCounter({ url, store }: Call): Promise<Response> {
  return json(200, shownCounter(await store.counter(keyFrom(decoded(url.pathname.slice("/counters/".length))))))
}

async function listLimits({ store }: Call): Promise<Response> {
  return json(200, { limits: await store.limits() })
}

async function setLimit({ request, store, log }: Call): Promise<Response> {
  const body = fieldsOf(await readJson(request), ["prefix", "max", "window_ms"])
  const limit = {
    prefix: prefixFrom(body.prefix),
    max: integer(body.max, "max", LIMIT_MAX),
    window_ms: integer(body.window_ms, "window_ms", LIMIT_WINDOW_MS),
  }
  if (!(await store.setLimit(limit))) throw new UsageError(`there are ${MAX_LIMITS} limits already; remove one first`)
  log("limit_set", limit)
  return json(200, limit)
}

async function removeLimit({ url, store, log }: Call): Promise<Response> {
  const prefix = prefixFrom(queryOf(url, ["prefix"]).prefix)
  if (prefix === "") throw new UsageError("the default limit can be changed, but not removed")
  if (!(await store.removeLimit(prefix))) return problem(404, `there is no limit with the prefix "${prefix}"`)
  log("limit_removed", { prefix })
  return json(200, { prefix, removed: true })
}

async function listBlocks({ store }: Call): Promise<Response> {
  return json(200, { blocks: await store.blocks() })
}

async function block({ request, store, log }: Call): Promise<Response> {
  const body = fieldsOf(await readJson(request), ["key", "duration_ms", "reason"])
  const blocked = await store.block(
    keyFrom(body.key),
    integer(body.duration_ms, "duration_ms", BLOCK_DURATION_MS),
    text(body.reason, "reason", REASON_CHARACTERS),
  )
  log("key_blocked", { ...blocked })
  return json(200, blocked)
}

async function unblock({ url, store, log }: Call): Promise<Response> {
  const key = keyFrom(queryOf(url, ["key"]).key)
  if (!(await store.unblock(key))) return problem(404, `"${key}" is not blocked`)
  log("key_unblocked", { key })
  return json(200, { key, removed: true })
}

async function listNodes({ store }: Call): Promise<Response> {
  const nodes = await store.nodes()
  return json(200, {
    nodes: nodes.map((node) => ({
      name: node.name,
      url: node.url,
      status: statusOf(node),
      heartbeat_age_ms: node.heartbeat_age_ms,
    })),
  })
}

/** Healthy is a node that could write to the store right now; anything less cannot enforce a limit. */
async function health({ node, store, clock, checks }: Call): Promise<Response> {
  const about = {
    node: node.name,
    uptime_ms: clock.now().getTime() - node.started_at_ms,
    check_p99_ms: checks.p99_ms(clock.mono_ms()),
  }
  try {
    await store.probe()
  } catch (error) {
    if (!(error instanceof StoreUnreachable)) throw error
    return json(503, { status: "degraded", store: "unreachable", error: messageOf(error), ...about })
  }
  return json(200, { status: "ok", store: "ok", ...about })
}

/** For Prometheus; says what the node has seen, and asks the store nothing. */
async function showMetrics({ metrics }: Call): Promise<Response> {
  return new Response(metrics.text(), { headers: { "content-type": METRICS_TYPE } })
}

function shownCounter({ key, used, limit }: Counter) {
  return { key, used, limit: limit.max, window_ms: limit.window_ms, remaining: Math.max(0, limit.max - used) }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (cause) {
    throw new UsageError(`"${part}" is not a valid part of a path`, { cause })
  }
}
