import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { findSubject } from "../src/lab/parse-subject.ts"
import { textFor } from "../src/lab/per-platform.ts"
import type { Subject } from "../src/lab/subject.ts"
import { alertProbe, type Spread } from "../src/monitor/probes/alert.ts"
import { type Health, metricsOf } from "./fixtures/tikv/metrics.ts"
import { hasPrometheus, type RealPrometheus, startPrometheus } from "./support/real-prometheus.ts"

setDefaultTimeout(120_000)

/**
 * The alerts of compose/tikv.yaml, asked of a real Prometheus that scrapes pages as PD and TiKV show them: what a server that only
 * repeats answers cannot tell is whether an expression means what it says.
 */
const isThere = hasPrometheus()

/** What an alert finds when everything is wrong; the other alerts find it at the leader of PD or at each store. */
const NODES: Record<string, string[]> = {
  pd_one_leader: [""],
  throughput: [""],
  slow_requests: ["tikv0", "tikv1"],
  disk_space: ["tikv0", "tikv1"],
  unreachable_stores: ["tikv0 store_id=4"],
  restarts: ["pd0", "pd1", "pd2", "tikv0", "tikv1"],
  scraped: ["tikv2"],
  PD_leader_change: [""],
  PD_etcd_write_disk_latency: ["pd0", "pd1", "pd2"],
  PD_etcd_network_peer_latency: ["pd0", "pd1", "pd2"].map((name) => `${name} To=2c1e6a8a4b1e7a41`),
  TiKV_write_stall: ["tikv0 db=kv", "tikv1 db=kv"],
}

const SERVICES = ["pd0", "pd1", "pd2", "tikv0", "tikv1", "tikv2"]

describe.if(isThere)("a real Prometheus over pages of PD and TiKV", () => {
  let subject: Subject
  let server: RealPrometheus
  let health: Health = "well"
  let since_ms = Date.now()
  const turn = (to: Health) => {
    health = to
    since_ms = Date.now()
  }
  const show = (service: string): Response => {
    if (health === "ill" && service === "tikv2") return new Response("", { status: 500 })
    const headers = { "content-type": "text/plain; version=0.0.4" }
    return new Response(metricsOf(service, health, (Date.now() - since_ms) / 1_000), { headers })
  }
  const pages = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, reusePort: false, development: false },
    fetch: (request) => show(new URL(request.url).pathname.slice(1)),
  })

  const look = (expression: string): Promise<Spread> => {
    const { signal } = new AbortController()
    return alertProbe(
      { subject, resolve: () => `${server.url}/api/v1/query` },
      { prometheus: textFor(subject.prometheus, "docker")!, expression },
      { timeout_ms: 5_000, signal },
    )
  }
  /** Waits until every alert is seen as is wanted; else says what each one saw. */
  const all = async (wanted: (name: string, seen: Spread) => unknown, expected: (name: string) => unknown) => {
    const alerts = subject.invariants.filter(({ alert }) => alert !== undefined)
    let seen: [string, unknown][] = []
    const asWanted = async () => {
      const lookAt = async ({ name, alert }: (typeof alerts)[number]): Promise<[string, unknown]> => {
        return [name, wanted(name, await look(alert!))]
      }
      seen = await Promise.all(alerts.map(lookAt))
      return seen.every(([name, saw]) => Bun.deepEquals(saw, expected(name)))
    }
    for (let tries = 0; tries < 60 && !(await asWanted()); tries++) await Bun.sleep(500)
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(alerts.map(({ name }) => [name, expected(name)])))
  }

  beforeAll(async () => {
    subject = await findSubject("compose/tikv.yaml")
    const job = (name: string) => `
  - job_name: ${name}
    static_configs:
${SERVICES.filter((service) => service.startsWith(name))
  .map(
    (service) =>
      `      - { targets: ["127.0.0.1:${pages.port}"], labels: { __metrics_path__: "/${service}", instance: "${service}:1" } }`,
  )
  .join("\n")}`
    server = startPrometheus(
      () => `global: { scrape_interval: 250ms, scrape_timeout: 250ms }\nscrape_configs:${job("pd")}${job("tikv")}`,
    )
  })
  afterAll(async () => {
    server[Symbol.dispose]()
    await pages.stop(true)
  })

  test("finds everything well where it is", async () => {
    await all(
      (_, { whole }) => [whole.status, whole.reason],
      () => ["ok", null],
    )
  })

  test("finds each alert violated, at its nodes, where everything is wrong", async () => {
    turn("ill")
    const nodes = ({ parts }: Spread) => [...(parts?.keys() ?? [])].sort()
    await all(
      (_, seen) => nodes(seen),
      (name) => NODES[name] ?? (name.startsWith("PD_") || name.startsWith("TiKV_space") ? ["pd0"] : ["tikv0", "tikv1"]),
    )
  })
})
