import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { systemClock, waitUntil } from "../lib/clock.ts"
import { type RedisServer, startRedis, WITHOUT_REDIS } from "../../test/support/redis.ts"
import { check, Cluster, PATIENCE, request, result, run, type RunningNode } from "../../test/support/ratelimiter.ts"

let cluster: Cluster
let nodes: RunningNode[]
let url: string

beforeAll(async () => {
  cluster = new Cluster()
  nodes = await cluster.startAll(["a", "b"])
  url = nodes[0]!.url
})

afterAll(() => cluster.destroy())

/** Keeps checking until told to stop. */
function traffic(nodes: RunningNode[]): () => Promise<void> {
  let going = true
  const loops = nodes.map(async (node) => {
    for (let n = 0; going; n++) await check(node.url, `busy:${n % 20}`)
  })
  return async () => {
    going = false
    await Promise.all(loops)
  }
}

/** Under traffic: drift sees what was falsified and nothing else, until it is recounted. */
async function seenUntilMended(nodes: RunningNode[], store: string): Promise<void> {
  const { url } = nodes[0]!
  const drift = () => result("drift", "--url", url, "--store", store)
  await request(url, "PUT", "/limits", { prefix: "busy:", max: 10_000, window_ms: 60_000 })
  const stop = traffic(nodes)
  try {
    while ((await drift()).keys === 0) {}
    expect(await drift()).toMatchObject({ drifted: 0, examples: [] })

    const { tampered } = (await result("tamper", "--store", store, "--keys=2", "--by=40", "--seed=s")) as {
      tampered: { key: string; before: number; after: number }[]
    }
    expect(tampered.map(({ before, after }) => after - before)).toEqual([40, 40])
    const seen = (await drift()) as { drifted: number; examples: { key: string; api: number; store: number }[] }
    expect(seen.drifted).toBe(2)
    expect(seen.examples.map(({ key }) => key).sort()).toEqual(tampered.map(({ key }) => key).sort())
    expect((await drift()).drifted).toBe(2)

    expect(await result("recount", "--store", store)).toEqual({ recounted: 2 })
    expect(await result("recount", "--store", store)).toEqual({ recounted: 0 })
    expect(await drift()).toMatchObject({ drifted: 0, examples: [] })
  } finally {
    await stop()
  }
}

test("drift sees a falsified counter under traffic and nothing else, until recount mends it", () =>
  seenUntilMended(nodes, cluster.store))

/** Bounds a whole life on a busy machine; on an idle one it takes half of a second. */
const ENDS_WITHIN_MS = 3_000

describe.skipIf(WITHOUT_REDIS)("nodes around a Redis server", () => {
  let server: RedisServer
  let around: Cluster
  beforeAll(async () => {
    server = await startRedis()
    around = new Cluster(server.url)
  })
  afterAll(async () => {
    await around?.destroy()
    await server?.remove()
  })

  test("are drifted, falsified and recounted like those around a file", async () => {
    await seenUntilMended(await around.startAll(["a", "b"]), server.url)
  })

  test("enforce a limit together", async () => {
    const urls = (await around.startAll(["c", "d", "e"])).map((node) => node.url).join(",")
    expect(await result("ghost", "--urls", urls, "--max", "5")).toEqual({ sent: 8, allowed: 5, max: 5, ghosts: 0 })
  })

  test("end soon with 0 when they are told to, though it is frozen", async () => {
    const { url, process } = await around.start("g")
    server.signal("SIGSTOP")
    try {
      expect((await check(url, "k")).status).toBe(503)
      const told_ms = systemClock.mono_ms()
      process.kill("SIGTERM")
      expect(await process.exited).toBe(0)
      expect(systemClock.mono_ms() - told_ms).toBeLessThan(ENDS_WITHIN_MS)
    } finally {
      server.signal("SIGCONT")
    }
  })

  test("outlive it: they start without it, say so, and an administrator is told", async () => {
    await server.kill()
    const { url, process } = await around.start("f")
    expect((await request(url, "GET", "/health")).body).toMatchObject({ store: "unreachable" })
    const { code, stderr } = await run("recount", "--store", server.url)
    expect([code, stderr]).toEqual([1, expect.stringContaining(`cannot open the store ${server.url}`)])
    await server.start()
    expect(await waitUntil(async () => (await request(url, "GET", "/health")).status === 200, PATIENCE)).toBe(true)
    process.kill("SIGTERM")
    expect(await process.exited).toBe(0)
    expect(await process.stdout.text()).toContain("store_back")
  })
})

test("tampering chooses by its seed, and makes up for keys that aren't there", async () => {
  const fresh = new Cluster()
  const { url: lonely } = await fresh.start("a")
  for (const key of ["x", "y", "z"]) await check(lonely, key)
  const args = ["tamper", "--store", fresh.store, "--seed", "7"]
  const [first, back] = [await result(...args, "--keys=1", "--by=3"), await result(...args, "--keys=1", "--by=-3")]
  expect([first.tampered, back.tampered]).toEqual([
    [{ key: expect.any(String), before: 1, after: 4 }],
    [{ key: (first.tampered as { key: string }[])[0]?.key, before: 4, after: 1 }],
  ])
  const { tampered } = await result(...args, "--keys=5", "--by=3")
  expect((tampered as { key: string }[]).map(({ key }) => key).slice(3)).toEqual(["idle:7:1", "idle:7:2"])
  expect(await result("drift", "--url", lonely, "--store", fresh.store)).toMatchObject({ keys: 5, drifted: 5 })
  await fresh.destroy()
})

test("drift fails when the API or the store gives no answer, and leaves nothing behind", async () => {
  const silent = new Cluster()
  const node = await silent.start("a")
  node.process.kill("SIGTERM")
  await node.process.exited
  const files = readdirSync(silent.folder)
  const without_api = await run("drift", "--url", node.url, "--store", silent.store)
  expect([without_api.code, without_api.stderr]).toEqual([1, expect.stringContaining("gives no answer")])
  expect(readdirSync(silent.folder)).toEqual(files)

  const without_store = await run("drift", "--url", url, "--store", `${silent.folder}/absent.db`)
  expect([without_store.code, without_store.stderr]).toEqual([1, expect.stringContaining("cannot open the store")])
  expect(readdirSync(silent.folder)).toEqual(files)
  await silent.destroy()
})

test("the ghost probe finds none while the limit is enforced, and counts them once somebody raises it", async () => {
  const everyone = nodes.map((node) => node.url).join(",")
  expect(await result("ghost", "--urls", everyone, "--max", "5")).toEqual({ sent: 8, allowed: 5, max: 5, ghosts: 0 })
  await request(url, "PUT", "/limits", { prefix: "ghost-probe:", max: 50, window_ms: 10_000 })
  expect(await result("ghost", "--urls", everyone, "--max", "5")).toEqual({ sent: 8, allowed: 8, max: 5, ghosts: 3 })
})

test("the ghost probe does with the nodes that answer, and fails when none does", async () => {
  const nobody = "http://127.0.0.1:1"
  expect(await result("ghost", "--urls", `${nobody},${url}`, "--max", "5")).toMatchObject({ sent: 8 })
  const { code, stderr } = await run("ghost", "--urls", nobody, "--max", "5")
  expect([code, stderr]).toEqual([1, expect.stringContaining("no node gives a verdict")])
})
