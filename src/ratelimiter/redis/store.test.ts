import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { systemClock, waitUntil } from "../../lib/clock.ts"
import { randomHex } from "../../lib/ids.ts"
import { type RedisServer, startRedis, WITHOUT_REDIS } from "../../../test/support/redis.ts"
import { openBooks, openStore, placeFrom } from "../open.ts"
import { DEFAULT_LIMITS, type LimitStore, StoreUnreachable } from "../store.ts"

/** What a Redis store does when its server is not well. What it does otherwise is in the tests of every store. */

/** Patience is 400 ms; the rest is for a machine that is busy. */
const ANSWERED_WITHIN_MS = 2_000
const BACK = { timeout_ms: 10_000, every_ms: 20 }

describe.skipIf(WITHOUT_REDIS)("a Redis store", () => {
  let server: RedisServer
  let store: LimitStore

  beforeAll(async () => void (server = await startRedis()))
  afterAll(() => server?.remove())
  beforeEach(async () => void (store = await open(server.url)))
  afterEach(() => store.close())

  const open = (url: string) => openStore(placeFrom(url), { clock: systemClock, onCall: () => undefined })

  /** What each piece of work ends with, and how long the longest took. */
  async function told(...work: Promise<unknown>[]): Promise<{ unreachable: number; took_ms: number }> {
    const start_ms = systemClock.mono_ms()
    const ends = await Promise.allSettled(work)
    const errors = ends.map((end) => (end.status === "rejected" ? end.reason : undefined))
    const unreachable = errors.filter((error) => error instanceof StoreUnreachable).length
    return { unreachable, took_ms: systemClock.mono_ms() - start_ms }
  }
  const isBack = () =>
    waitUntil(async () => {
      try {
        await store.probe()
        return true
      } catch {
        return false
      }
    }, BACK)
  const message = (work: Promise<unknown>) =>
    work.then(
      () => "no error",
      (error: Error) => error.message,
    )

  test("whose server is frozen keeps nobody waiting for long, first or later, and goes on as it was", async () => {
    const before = `before:${randomHex(8)}`
    await store.check(before, 1)
    server.signal("SIGSTOP")
    try {
      for (let round = 0; round < 3; round++) {
        const checks = Array.from({ length: 50 }, (_, n) => store.check(`frozen:${n}`, 1))
        const { unreachable, took_ms } = await told(...checks, store.limits(), store.probe())
        expect(unreachable).toBe(52)
        expect(took_ms).toBeLessThan(ANSWERED_WITHIN_MS)
      }
    } finally {
      server.signal("SIGCONT")
    }
    expect(await isBack()).toBe(true)
    expect(await store.check(before, 1)).toMatchObject({ remaining: 98 })
  })

  test("whose server was killed says so at once, and is there again with everything when the server is", async () => {
    await store.setLimit({ prefix: "kept:", max: 3, window_ms: 60_000 })
    const kept = `kept:${randomHex(8)}`
    await store.check(kept, 2)
    await server.kill()
    const { unreachable, took_ms } = await told(store.check(kept, 1), store.probe())
    expect(unreachable).toBe(2)
    expect(took_ms).toBeLessThan(ANSWERED_WITHIN_MS)
    expect(await message(store.probe())).toStartWith("no connection to the store within 400 ms: ")

    await server.start()
    expect(await isBack()).toBe(true)
    expect(await store.check(kept, 1)).toMatchObject({ kind: "allowed", remaining: 0 })
  })

  test("that is opened while there is no server comes to life with it", async () => {
    await server.kill()
    const early = await open(server.url)
    expect((await told(early.limits())).unreachable).toBe(1)
    await server.start()
    expect(
      await waitUntil(
        () =>
          early
            .limits()
            .then((limits) => limits.length > 0)
            .catch(() => false),
        BACK,
      ),
    ).toBe(true)
    early.close()
  })

  test("whose server has forgotten the script sends it again", async () => {
    await server.ask("SCRIPT", "FLUSH")
    expect(await store.check("script", 1)).toMatchObject({ kind: "allowed" })
  })

  test("that somebody has emptied begins anew with the default limits", async () => {
    await store.setLimit({ prefix: "lost:", max: 3, window_ms: 60_000 })
    await server.ask("FLUSHALL")
    expect(await isBack()).toBe(true)
    expect(await store.limits()).toEqual([...DEFAULT_LIMITS])
  })

  test("without its default limit answers nothing rather than allow everything", async () => {
    await server.ask("HDEL", "limits", "")
    expect(await message(store.check("anything", 1))).toContain("lost its default limit")
    expect((await told(store.check("anything", 1))).unreachable).toBe(1)
    await store.setLimit(DEFAULT_LIMITS[0]!)
  })

  test("on a server that refuses to write is unreachable, and one can still read", async () => {
    await server.ask("CONFIG", "SET", "maxmemory", "1")
    expect(await message(store.probe())).toContain("OOM")
    expect((await store.limits()).length).toBeGreaterThan(1)
    await server.ask("CONFIG", "SET", "maxmemory", "0")
    expect(await isBack()).toBe(true)
  })

  test("is refused in a database that holds something else, which is left as it was", async () => {
    const foreign = `${server.url}/1`
    await server.ask("EVAL", "redis.call('SELECT', 1); return redis.call('SET', 'store', 'diary')", "0")
    expect(await message(open(foreign))).toBe(`cannot open the store ${foreign}: it is not a rate limiter's store`)
    for (const change of [false, true]) {
      const books = await openBooks(placeFrom(foreign), { clock: systemClock, change })
      expect(await message(books.countLog())).toContain("it is not a rate limiter's store")
      books.close()
    }
    expect(await server.ask("EVAL", "redis.call('SELECT', 1); return redis.call('KEYS', '*')", "0")).toEqual(["store"])
  })

  test("that was closed answers at once", async () => {
    store.close()
    expect((await told(store.probe())).unreachable).toBe(1)
  })
})
