import { afterAll, beforeAll, expect, test } from "bun:test"
import { waitUntil } from "../lib/clock.ts"
import { check, Cluster, PATIENCE, type Reply, request, type RunningNode } from "../../test/support/ratelimiter.ts"

let cluster: Cluster
let nodes: RunningNode[]
let url: string

beforeAll(async () => {
  cluster = new Cluster()
  nodes = await cluster.startAll(["a", "b", "c"])
  url = nodes[0]!.url
})

afterAll(() => cluster.destroy())

function putLimit(prefix: string, max: number, window_ms: number): Promise<Reply> {
  return request(url, "PUT", "/limits", { prefix, max, window_ms })
}

/** `n` checks at once, spread over all nodes. */
function checkEverywhere(key: string, n: number): Promise<Reply[]> {
  return Promise.all(Array.from({ length: n }, (_, i) => check(nodes[i % nodes.length]!.url, key)))
}

test("three nodes under concurrent checks allow exactly the limit together, key by key", async () => {
  await putLimit("race:", 3, 60_000)
  for (let wave = 0; wave < 12; wave++) {
    const keys = Array.from({ length: 12 }, (_, n) => `race:${wave}:${n}`)
    for (const replies of await Promise.all(keys.map((key) => checkEverywhere(key, 9)))) {
      const allowed = replies.filter(({ status }) => status === 200)
      const refused = replies.filter(({ status }) => status === 429)
      expect([allowed.length, refused.length]).toEqual([3, 6])
      expect(new Set(replies.map(({ body }) => body.node))).toEqual(new Set(["a", "b", "c"]))
    }
  }
})

test("an allowed check says what remains, a refused one when to come back", async () => {
  await putLimit("polite:", 2, 30_000)
  const [first, , third] = [await check(url, "polite:x"), await check(url, "polite:x"), await check(url, "polite:x")]
  expect(first.body).toMatchObject({ allowed: true, remaining: 1, limit: 2, node: "a", reset_ms: 30_000 })
  expect(third.status).toBe(429)
  expect(third.body).toMatchObject({ allowed: false, remaining: 0, limit: 2, node: "a" })
  expect(third.body.retry_after_ms).toBeWithin(25_000, 30_001)
  expect(Number(third.headers.get("retry-after"))).toBeWithin(25, 31)
})

test("the window slides: a key is free again once its requests are old enough", async () => {
  await putLimit("slide:", 3, 250)
  expect((await checkEverywhere("slide:x", 6)).filter(({ status }) => status === 200)).toHaveLength(3)
  expect(await waitUntil(async () => (await check(url, "slide:x")).status === 200, PATIENCE)).toBe(true)
})

test("the longest prefix decides, also right after it was added or removed", async () => {
  await putLimit("tier:", 5, 10_000)
  await putLimit("tier:free:", 1, 10_000)
  expect((await check(url, "tier:free:x")).body.limit).toBe(1)
  expect((await check(url, "tier:paid:x")).body.limit).toBe(5)
  expect((await request(url, "DELETE", "/limits?prefix=tier:free:")).status).toBe(200)
  expect((await check(nodes[1]!.url, "tier:free:x")).body.limit).toBe(5)
  expect((await request(url, "DELETE", "/limits?prefix=tier:free:")).status).toBe(404)
})

test("the default limit and that of the ghost probe are there from the start, and the default stays", async () => {
  const { limits } = (await request(url, "GET", "/limits")).body
  expect(limits).toContainEqual({ prefix: "", max: 100, window_ms: 10_000 })
  expect(limits).toContainEqual({ prefix: "ghost-probe:", max: 5, window_ms: 10_000 })
  expect((await request(url, "DELETE", "/limits?prefix=")).status).toBe(400)
})

test("a blocked key is refused by every node until the block is lifted or over", async () => {
  await request(url, "POST", "/blocks", { key: "mallory", duration_ms: 60_000, reason: "abuse" })
  for (const node of nodes) {
    const { status, body } = await check(node.url, "mallory")
    expect([status, body]).toEqual([403, { allowed: false, blocked: true, reason: "abuse" }])
  }
  const { blocks } = (await request(nodes[1]!.url, "GET", "/blocks")).body
  expect(blocks).toMatchObject([{ key: "mallory", reason: "abuse" }])
  expect((await request(nodes[2]!.url, "DELETE", "/blocks?key=mallory")).status).toBe(200)
  expect((await check(url, "mallory")).status).toBe(200)
  expect((await request(url, "DELETE", "/blocks?key=mallory")).status).toBe(404)

  await request(url, "POST", "/blocks", { key: "hasty", duration_ms: 100, reason: "cool down" })
  expect((await check(url, "hasty")).status).toBe(403)
  expect(await waitUntil(async () => (await check(url, "hasty")).status === 200, PATIENCE)).toBe(true)
})

test("reset forgets what a key has used", async () => {
  await putLimit("again:", 3, 60_000)
  await checkEverywhere("again:x", 3)
  expect((await check(url, "again:x")).status).toBe(429)
  expect((await request(nodes[1]!.url, "POST", "/reset", { key: "again:x" })).body).toMatchObject({ forgotten: 3 })
  expect((await check(url, "again:x", 3)).body).toMatchObject({ allowed: true, remaining: 0 })
})

test("a key's counter says what it used of its limit, also for a key that needs escaping", async () => {
  const key = "tenant/ä b?#%"
  await check(url, key, 7)
  const { body } = await request(nodes[1]!.url, "GET", `/counters/${encodeURIComponent(key)}`)
  expect(body).toEqual({ key, used: 7, limit: 100, window_ms: 10_000, remaining: 93 })
  expect((await request(url, "GET", "/counters/nobody")).body).toMatchObject({ used: 0, remaining: 100 })
})

test("counters come in pages, in order, and by prefix", async () => {
  for (const key of ["page:c", "page:a", "page:b", "pagf"]) await check(url, key)
  const first = (await request(url, "GET", "/counters?prefix=page:&limit=2")).body
  expect(first).toMatchObject({ counters: [{ key: "page:a", used: 1 }, { key: "page:b" }], next: "page:b" })
  const second = (await request(url, "GET", `/counters?prefix=page:&limit=2&after=${first.next}`)).body
  expect(second).toMatchObject({ counters: [{ key: "page:c" }], next: null })
})

test("health reports the recent latency of checks", async () => {
  await check(url, "latency")
  const { status, body } = await request(url, "GET", "/health")
  expect(status).toBe(200)
  expect(body).toMatchObject({ status: "ok", node: "a", store: "ok" })
  expect(body.check_p99_ms).toBeGreaterThan(0)
})
