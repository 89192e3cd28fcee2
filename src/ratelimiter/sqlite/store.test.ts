import { Database } from "bun:sqlite"
import { afterEach, beforeEach, expect, test } from "bun:test"
import { type Clock, systemClock, waitUntil } from "../../lib/clock.ts"
import { openDatabase } from "./database.ts"
import { openSqliteStore } from "./store.ts"
import { check, Cluster, PATIENCE, request, run } from "../../../test/support/ratelimiter.ts"

/** A node lets go of what waits for the store after 400 ms. A hundred, each of which waited for itself, would take 40 s. */
const SOON_MS = 10_000

let cluster: Cluster

beforeEach(() => void (cluster = new Cluster()))
afterEach(() => cluster.destroy())

async function timed<T>(work: Promise<T>): Promise<{ value: T; took_ms: number }> {
  const start_ms = systemClock.mono_ms()
  return { value: await work, took_ms: systemClock.mono_ms() - start_ms }
}

/** Holds the store's write lock as another program might. Returns what lets go of it. */
function lockStore(): () => void {
  const db = new Database(cluster.store)
  db.run("pragma busy_timeout = 2000")
  db.run("begin exclusive")
  return () => {
    db.run("rollback")
    db.close()
  }
}

/** Of a cluster with one node. */
async function heartbeatAge(url: string): Promise<number> {
  const { nodes } = (await request(url, "GET", "/nodes")).body as { nodes: { heartbeat_age_ms: number }[] }
  return nodes[0]!.heartbeat_age_ms
}

test("a store that somebody holds locked is answered with 503 soon, by all who wait at once, and served again afterwards", async () => {
  const { url, process } = await cluster.start("a")
  const release = lockStore()

  const pending = Array.from({ length: 100 }, (_, n) => timed(check(url, `k${n}`)))
  expect((await request(url, "GET", "/limits")).status).toBe(200)
  for (const { value, took_ms } of await Promise.all(pending)) {
    expect([value.status, value.body, took_ms < SOON_MS]).toEqual([503, { error: "store unreachable" }, true])
  }
  const sick = await timed(request(url, "GET", "/health"))
  expect([sick.value.status, sick.took_ms < SOON_MS]).toEqual([503, true])
  expect(sick.value.body).toMatchObject({ status: "degraded", store: "unreachable" })

  // A heartbeat is due every 500 ms and gives up after 400.
  expect(await waitUntil(async () => (await heartbeatAge(url)) > 950, PATIENCE)).toBe(true)
  release()
  expect((await check(url, "k0")).body).toMatchObject({ allowed: true, remaining: 99 })
  expect((await request(url, "GET", "/health")).status).toBe(200)

  expect(await waitUntil(async () => (await heartbeatAge(url)) < 500, PATIENCE)).toBe(true)
  process.kill("SIGTERM")
  const log = await process.stdout.text()
  expect(log.match(/store_unreachable/g)).toHaveLength(1)
  expect(log.match(/store_back/g)).toHaveLength(1)
})

test("a lock that is released in time is not noticed", async () => {
  const waits: number[] = []
  let release = () => {}
  // Time stands still: it is in time whenever it is released, which is as soon as somebody waits for it.
  const clock: Clock = {
    ...systemClock,
    mono_ms: () => 0,
    sleep: async (duration_ms) => {
      waits.push(duration_ms)
      release()
    },
  }
  const store = await openSqliteStore(cluster.store, { clock, onCall: () => {} })
  release = lockStore()
  expect(await store.check("k", 1)).toMatchObject({ kind: "allowed" })
  expect(waits).toHaveLength(1)
  store.close()
})

test("a node told to stop while the store is locked still ends with 0, and soon", async () => {
  const { process } = await cluster.start("a")
  const release = lockStore()
  process.kill("SIGTERM")
  const { value, took_ms } = await timed(process.exited)
  expect([value, took_ms < SOON_MS]).toEqual([0, true])
  release()
})

test("what has expired is pruned, and a counter that somebody changed is not", async () => {
  const db = await openDatabase(cluster.store, { create: true, busy_timeout_ms: 2_000, clock: systemClock })
  db.run("insert into log values ('old', 1000, 'x'), ('lied', 1000, 'y')")
  db.run("insert into counters values ('old', 1), ('lied', 6), ('idle', 0)")
  await cluster.start("a")
  const counters = () => db.query("select key, used from counters").all()
  expect(await waitUntil(() => Bun.deepEquals(counters(), [{ key: "lied", used: 5 }]), PATIENCE)).toBe(true)
  expect(db.query("select count(*) as n from log").get()).toEqual({ n: 0 })
  db.close()
})

test("a file that is not a rate limiter's store is refused and left as it was", async () => {
  const other = new Database(cluster.store, { create: true })
  other.run("create table diary (page text)")
  other.close()
  const before = await Bun.file(cluster.store).bytes()
  for (const command of [["serve", "--name", "a"], ["recount"], ["tamper", "--keys", "1", "--by", "1"]]) {
    const { code, stderr } = await run(...command, "--store", cluster.store)
    expect([code, stderr]).toEqual([1, expect.stringContaining("not a rate limiter's store")])
  }
  expect(await Bun.file(cluster.store).bytes()).toEqual(before)
})
