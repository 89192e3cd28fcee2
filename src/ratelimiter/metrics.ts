import type { Decision } from "./store.ts"

/** Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/** What a node counts of itself, from its start on. */
export interface NodeMetrics {
  /** A check has ended; `failed` is one to which the store gave no answer. */
  checked(decision: Decision["kind"] | "failed"): void
  /** A request of any kind was answered. */
  answered(duration_ms: number): void
  storeCalled(duration_ms: number, reached: boolean): void
  /** The registry has heard of the node. */
  beat(at: Date): void
  /** All of it, as Prometheus reads it. */
  text(): string
}

export function nodeMetrics(started: Date): NodeMetrics {
  const checks = { allowed: 0, limited: 0, blocked: 0, failed: 0 }
  const requests = histogram()
  const store = histogram()
  let store_errors = 0
  // Until the registry has heard of the node for the first time, it has been silent since its start.
  let heartbeat_s = started.getTime() / 1_000
  return {
    checked: (decision) => void checks[decision]++,
    answered: requests.add,
    storeCalled: (duration_ms, reached) => {
      store.add(duration_ms)
      if (!reached) store_errors++
    },
    beat: (at) => (heartbeat_s = at.getTime() / 1_000),
    text: () => {
      const decided = Object.entries(checks).map(([decision, n]) => `{decision="${decision}"} ${n}`)
      const families = [
        family("ratelimiter_checks_total", "counter", "Checks by how they ended.", decided),
        family("ratelimiter_request_duration_seconds", "histogram", "Time to answer a request.", requests.lines()),
        family(
          "ratelimiter_store_duration_seconds",
          "histogram",
          "Time to do one operation in the store.",
          store.lines(),
        ),
        family("ratelimiter_store_errors_total", "counter", "Operations to which the store gave no answer.", [
          ` ${store_errors}`,
        ]),
        family("ratelimiter_heartbeat_timestamp_seconds", "gauge", "When the registry last heard of the node.", [
          ` ${heartbeat_s}`,
        ]),
        family("process_start_time_seconds", "gauge", "When the process started.", [` ${started.getTime() / 1_000}`]),
      ]
      return families.join("")
    },
  }
}

// internal

/** Upper bounds in seconds. The store's patience ends at 0.4, and a request's soon after. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]

function histogram(): { add(duration_ms: number): void; lines(): string[] } {
  const counts = BUCKETS_S.map(() => 0)
  let [count, sum_s] = [0, 0]
  return {
    add: (duration_ms) => {
      const place = BUCKETS_S.findIndex((bound_s) => duration_ms / 1_000 <= bound_s)
      if (place !== -1) counts[place]!++
      count++
      sum_s += duration_ms / 1_000
    },
    lines: () => {
      let below = 0
      const buckets = BUCKETS_S.map((bound_s, place) => `_bucket{le="${bound_s}"} ${(below += counts[place]!)}`)
      return [...buckets, `_bucket{le="+Inf"} ${count}`, `_sum ${sum_s}`, `_count ${count}`]
    },
  }
}

/** One metric; each line is what follows its name. */
function family(name: string, type: string, help: string, lines: readonly string[]): string {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines.map((line) => name + line)].join("\n") + "\n"
}
