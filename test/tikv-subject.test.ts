import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { findSubject } from "../src/lab/parse-subject.ts"
import type { Subject } from "../src/lab/subject.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { scanPromql } from "../src/lib/promql.ts"
import { capture } from "../src/monitor/capture.ts"
import { type Monitor, startMonitor } from "../src/monitor/watch.ts"
import { events } from "../src/store/events.ts"
import type { Status } from "../src/store/kinds.ts"
import { type Cluster, healthyCluster, noLeader, speakersOf } from "./fixtures/tikv/answers.ts"
import { type AnsweringLab, answeringLab } from "./support/answering-lab.ts"
import { fakePrometheus, type FakePrometheus } from "./support/prometheus.ts"

setDefaultTimeout(60_000)

/**
 * Every invariant of compose/tikv.yaml against answers of PD, TiKV and Prometheus that were written by hand from their documented
 * formats, over real HTTP: each is seen ok, violated and unknown, and ok again.
 */
let subject: Subject
let base: AnsweringLab
let monitor: Monitor
let prometheus: FakePrometheus
const cluster: Cluster = healthyCluster()

beforeAll(async () => {
  subject = await findSubject("compose/tikv.yaml")
  // The same conditions, looked at more often: a test has no time for what a lab waits for.
  for (const invariant of subject.invariants) Object.assign(invariant, { every: 40 })
  prometheus = fakePrometheus()
  for (const { alert } of subject.invariants) for (const metric of named(alert)) prometheus.metrics.set(metric, 1)
  const asked = (request: Request) => fetch(new Request(`${prometheus.url}/api/v1/query`, request))
  base = answeringLab(subject, { ...speakersOf(cluster), "prometheus:9090": asked })
  monitor = await startMonitor(base.store, base.lab, { interval_ms: 50 })
  await healthy()
})
afterAll(async () => {
  await monitor.stop()
  await base[Symbol.asyncDispose]()
  await prometheus[Symbol.asyncDispose]()
})

const named = (alert: string | undefined) => (alert === undefined ? [] : scanPromql(alert).metrics)

async function healthy(): Promise<void> {
  await waitUntil(() => monitor.failing().length === 0, { timeout_ms: 10_000, every_ms: 10 })
  expect(monitor.failing()).toEqual([])
}

/** The last observation of an invariant at a node. */
function status(invariant: string, node: string): Status | undefined {
  return events(base.store, base.lab.id, { kinds: ["observation"] }).findLast(
    ({ body }) => body.invariant === invariant && body.node === node,
  )?.body.status
}

async function becomes(invariant: string, node: string, wanted: Status): Promise<void> {
  await waitUntil(() => status(invariant, node) === wanted, { timeout_ms: 10_000, every_ms: 10 })
  expect([invariant, node, status(invariant, node)]).toEqual([invariant, node, wanted])
}

/** Puts the cluster back as it was. */
function restore(): void {
  Object.assign(cluster, healthyCluster())
  prometheus.series.clear()
  prometheus.instead = undefined
}

const html = () => new Response("<html>welcome</html>", { headers: { "content-type": "text/html" } })

/** How each probe comes to be violated, and at which nodes that is seen. */
const VIOLATIONS: [string, string, string[], () => void][] = [
  ["pd_members", "a member that the others find unhealthy", ["pd0", "pd1", "pd2"], () => (cluster.health.pd2 = false)],
  ["pd_members", "a PD whose etcd is not available", ["pd1"], () => (cluster.instead.pd1 = noLeader)],
  ["pd_leader", "a PD that knows no leader", ["pd1"], () => (cluster.leaders.pd1!.pd = undefined)],
  ["pd_leader", "a PD that follows another", ["pd2"], () => (cluster.leaders.pd2 = { pd: "pd1", etcd: "pd0" })],
  ["pd_leader", "a PD without a leader to ask", ["pd0"], () => (cluster.instead.pd0 = noLeader)],
  ["stores", "a store without heartbeats", ["pd0", "pd1", "pd2"], () => (cluster.stores.tikv1 = "Disconnected")],
  ["stores", "a store that is taken out", ["pd0", "pd1", "pd2"], () => (cluster.stores.tikv2 = "Offline")],
  ["stores", "a PD without a leader to ask", ["pd2"], () => (cluster.instead.pd2 = noLeader)],
  [
    "tikv_status",
    "a store that fails",
    ["tikv0"],
    () => (cluster.instead.tikv0 = () => new Response("", { status: 500 })),
  ],
  ["range_holes", "keys of no region", ["pd0", "pd1", "pd2"], () => (cluster.holes = [["61", "62"]])],
  ["range_holes", "a PD without a leader to ask", ["pd1"], () => (cluster.instead.pd1 = noLeader)],
  ["down_peers", "a replica that is down", ["pd0", "pd1", "pd2"], () => (cluster.regions["down-peer"] = 2)],
  ["missing_peers", "a region that lacks one", ["pd0", "pd1", "pd2"], () => (cluster.regions["miss-peer"] = 1)],
  ["pending_peers", "a replica that lags", ["pd0", "pd1", "pd2"], () => (cluster.regions["pending-peer"] = 1)],
  ["slow_stores", "a store that is slow", ["pd0", "pd1", "pd2"], () => (cluster.slow_score = 80)],
]

/** The labels with which each alert's series come, and the node that this is. */
const SERIES: Record<string, [Record<string, string>, string]> = {
  pd_one_leader: [{}, "lab"],
  slow_requests: [{ instance: "tikv1:20180" }, "tikv1"],
  throughput: [{}, "lab"],
  disk_space: [{ instance: "tikv2:20180", job: "tikv" }, "tikv2"],
  unreachable_stores: [{ instance: "tikv0:20180", store_id: "4" }, "tikv0 store_id=4"],
  restarts: [{ instance: "pd1:2379", job: "pd" }, "pd1"],
  scraped: [{ __name__: "up", instance: "tikv1:20180", job: "tikv" }, "tikv1"],
}

describe("a probe of tikv", () => {
  test.each(VIOLATIONS)("%s is violated by %s", async (invariant, _, nodes, violate) => {
    violate()
    for (const node of nodes) await becomes(invariant, node, "violated")
    restore()
    for (const node of nodes) await becomes(invariant, node, "ok")
  })

  test("is unknown, at every node, when the answer is none that PD or TiKV would give", async () => {
    const probes = subject.invariants.filter(({ probe }) => probe !== undefined)
    for (const service of subject.services) cluster.instead[service] = html
    for (const { name, each } of probes) for (const node of subject.groups[each!]!) await becomes(name, node, "unknown")
    restore()
    for (const { name, each } of probes) for (const node of subject.groups[each!]!) await becomes(name, node, "ok")
  })

  test("is made to fail by this file, each of them", () => {
    const probes = subject.invariants.filter(({ probe }) => probe !== undefined).map(({ name }) => name)
    expect([...new Set(VIOLATIONS.map(([name]) => name))].sort()).toEqual(probes.sort())
  })
})

describe("an alert of tikv", () => {
  test("is violated by a series, and ok without", async () => {
    for (const [name, [labels, node]] of Object.entries(SERIES)) {
      const { alert } = subject.invariants.find((one) => one.name === name)!
      prometheus.series.set(alert!, [{ labels, value: "3" }])
      await becomes(name, node, "violated")
      restore()
      await becomes(name, node, "ok")
    }
  })

  test("is unknown while a metric that it names is missing, and when Prometheus does not answer", async () => {
    const alerts = subject.invariants.filter(({ alert }) => alert !== undefined)
    const metrics = new Map(prometheus.metrics)
    prometheus.metrics.clear()
    for (const { name } of alerts) await becomes(name, "lab", "unknown")
    for (const [metric, age_s] of metrics) prometheus.metrics.set(metric, age_s)
    for (const { name } of alerts) await becomes(name, "lab", "ok")
    prometheus.instead = () => new Response("", { status: 502 })
    for (const { name } of alerts) await becomes(name, "lab", "unknown")
    restore()
    for (const { name } of alerts) await becomes(name, "lab", "ok")
  })

  test("that PingCAP's rules make is violated by a series, too", async () => {
    const rules = subject.invariants.filter(({ name }) => /^(PD|TiKV)_/.test(name))
    expect(rules.length).toBeGreaterThan(10)
    for (const { name, alert } of rules) {
      prometheus.series.set(alert!, [{ labels: { instance: "pd0:2379" }, value: "1" }])
      await becomes(name, "pd0", "violated")
    }
    restore()
    for (const { name } of rules) await becomes(name, "pd0", "ok")
  })

  test("is made to fire by this file, each of them", () => {
    const own = subject.invariants.filter(({ alert, name }) => alert !== undefined && !/^(PD|TiKV)_/.test(name))
    expect(own.map(({ name }) => name).sort()).toEqual(Object.keys(SERIES).sort())
  })

  test("names metrics and labels that PD and TiKV really export", () => {
    const alerts = subject.invariants.flatMap(({ alert }) => alert ?? [])
    expect(alerts.flatMap(named).filter((metric) => !EXPORTED.has(metric))).toEqual([])
    const types = alerts.flatMap((alert) => [...alert.matchAll(/(pd_\w+_status)\{type="([^"]+)"/g)])
    expect(types.filter(([, metric, type]) => !TYPES[metric!]!.test(type!))).toEqual([])
  })
})

test("the state of tikv is captured without what differs from one moment to the next", async () => {
  const found = await Promise.all(subject.state.map((state) => capture(base.lab, state, { timeout_ms: 2_000 })))
  expect(found).toEqual([
    { kind: "value", value: ["pd0", "pd1", "pd2"] },
    { kind: "value", value: ["tikv0:20160", "tikv1:20160", "tikv2:20160"] },
    { kind: "value", value: { "max-replicas": 3, "location-labels": "", "strictly-match-label": "false" } },
  ])
})

// internal

/** Metrics of PD, the etcd in it, TiKV and Prometheus itself, of version 8.5. */
const EXPORTED = new Set(
  `up process_start_time_seconds process_resident_memory_bytes
  etcd_server_is_leader etcd_server_has_leader etcd_disk_wal_fsync_duration_seconds_bucket
  etcd_network_peer_round_trip_time_seconds_bucket pd_cluster_status pd_regions_status pd_tso_events
  tikv_grpc_msg_duration_seconds_bucket tikv_grpc_msg_duration_seconds_count tikv_store_size_bytes tikv_engine_write_stall
  tikv_raftstore_log_lag_bucket tikv_storage_engine_async_request_duration_seconds_bucket
  tikv_raftstore_append_log_duration_seconds_bucket tikv_raftstore_apply_log_duration_seconds_bucket`.split(/\s+/),
)

/** How PD names the types of its gauges: those of stores with underscores, those of regions with hyphens. */
const TYPES: Record<string, RegExp> = {
  pd_cluster_status:
    /^(store_(up|disconnected|down|unhealth|offline|tombstone|low_space|slow)_count|storage_(size|capacity))$/,
  pd_regions_status: /^(miss|extra|down|pending|offline|learner)-peer-region-count$/,
}
