import { Database } from "bun:sqlite"
import { afterEach, beforeEach, expect, test } from "bun:test"
import { waitUntil } from "../lib/clock.ts"
import { check, Cluster, PATIENCE, request, type RunningNode } from "../../test/support/ratelimiter.ts"

let cluster: Cluster
let node: RunningNode

beforeEach(async () => {
  cluster = new Cluster()
  node = await cluster.start("a")
})
afterEach(() => cluster.destroy())

/** Every sample of the node, by its name and labels. */
async function metrics(): Promise<Record<string, number>> {
  const response = await fetch(new URL("/metrics", node.url))
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
  const samples = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  return Object.fromEntries(samples.map((line) => [line.split(" ")[0], Number(line.split(" ")[1])]))
}

test("every decision is counted, and is there as a zero before", async () => {
  const decisions = async () => {
    const found = await metrics()
    return ["allowed", "limited", "blocked", "failed"].map(
      (name) => found[`ratelimiter_checks_total{decision="${name}"}`],
    )
  }
  expect(await decisions()).toEqual([0, 0, 0, 0])
  await request(node.url, "PUT", "/limits", { prefix: "k", max: 1, window_ms: 60_000 })
  await request(node.url, "POST", "/blocks", { key: "b", duration_ms: 60_000, reason: "abuse" })
  for (const key of ["k", "k", "k", "b"]) await check(node.url, key)
  expect(await decisions()).toEqual([1, 2, 1, 0])
})

test("latencies are histograms: buckets that grow up to the count, with its sum", async () => {
  await check(node.url, "k")
  const found = await metrics()
  for (const name of ["ratelimiter_request_duration_seconds", "ratelimiter_store_duration_seconds"]) {
    const buckets = Object.entries(found).filter(([sample]) => sample.startsWith(`${name}_bucket`))
    const counts = buckets.map(([, count]) => count)
    expect(buckets.length).toBeGreaterThan(5)
    expect(counts).toEqual(counts.toSorted((a, b) => a - b))
    expect(found[`${name}_bucket{le="+Inf"}`]).toBe(found[`${name}_count`]!)
    expect(found[`${name}_sum`]!).toBeGreaterThan(0)
  }
})

test("a store that gives no answer is an error and a failed check, and the heartbeat grows old", async () => {
  const heartbeat = async () => (await metrics()).ratelimiter_heartbeat_timestamp_seconds!
  const first_s = await heartbeat()
  expect(Math.abs(Date.now() / 1_000 - first_s)).toBeLessThan(30)
  expect(await waitUntil(async () => (await heartbeat()) > first_s, PATIENCE)).toBe(true)

  const thief = new Database(cluster.store)
  thief.run("pragma busy_timeout = 2000")
  thief.run("begin exclusive")
  try {
    expect((await check(node.url, "k")).status).toBe(503)
    const found = await metrics()
    expect(found['ratelimiter_checks_total{decision="failed"}']).toBe(1)
    expect(found.ratelimiter_store_errors_total!).toBeGreaterThan(0)
    const old_s = await heartbeat()
    await check(node.url, "k")
    expect(await heartbeat()).toBe(old_s)
  } finally {
    thief.run("rollback")
    thief.close()
  }
})
