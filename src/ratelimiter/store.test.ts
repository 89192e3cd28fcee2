import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { systemClock, waitUntil } from "../lib/clock.ts"
import { startRedis, WITHOUT_REDIS } from "../../test/support/redis.ts"
import { PATIENCE } from "../../test/support/ratelimiter.ts"
import type { Books } from "./books.ts"
import { openBooks, openStore, type Place, placeFrom, shownPlace } from "./open.ts"
import { DEFAULT_LIMITS, type LimitStore, MAX_LIMITS } from "./store.ts"
import { falsify } from "./tamper.ts"

/** What every store promises, held against each of them: two nodes' views of one store, and an administrator's. */

interface Site {
  place: Place
  remove(): Promise<void> | void
}

const SITES: Record<string, () => Promise<Site>> = {
  SQLite: async () => {
    const dir = mkdtempSync(join(tmpdir(), "ratelimiter-"))
    return { place: { kind: "sqlite", file: join(dir, "limits.db") }, remove: () => rmSync(dir, { recursive: true }) }
  },
  Redis: async () => {
    const server = await startRedis()
    return { place: { kind: "redis", url: server.url }, remove: server.remove }
  },
}

for (const [name, makeSite] of Object.entries(SITES)) {
  describe.skipIf(name === "Redis" && WITHOUT_REDIS)(`a store in ${name}`, () => {
    let site: Site
    let store: LimitStore
    let other: LimitStore
    let books: Books
    let called: { duration_ms: number; reached: boolean }[]

    beforeAll(async () => {
      called = []
      site = await makeSite()
      const onCall = (duration_ms: number, reached: boolean) => void called.push({ duration_ms, reached })
      const open = () => openStore(site.place, { clock: systemClock, onCall })
      ;[store, other] = await Promise.all([open(), open()])
      books = await openBooks(site.place, { clock: systemClock, change: true })
    })
    afterAll(async () => {
      for (const one of [store, other, books]) one?.close()
      await site?.remove()
    })

    const falsified = (by: number, choose: (inUse: string[]) => string[]) =>
      falsify(site.place, { by, most: 10_000, choose, clock: systemClock })
    const limit = (prefix: string, max: number, window_ms = 60_000) => store.setLimit({ prefix, max, window_ms })
    const kinds = async (key: string, times: number, cost = 1) => {
      const decisions = Array.from({ length: times }, (_, n) => (n % 2 === 0 ? store : other).check(key, cost))
      return (await Promise.all(decisions)).map(({ kind }) => kind)
    }

    test("begins with the default limits, which two that open it at once do not double", async () => {
      expect(await other.limits()).toEqual([...DEFAULT_LIMITS])
    })

    test("allows exactly the limit, whoever is asked, and says what remains", async () => {
      await limit("race:", 5)
      const all = await kinds("race:x", 12)
      expect(all.filter((kind) => kind === "allowed")).toHaveLength(5)
      await limit("two:", 2)
      const chosen = { prefix: "two:", max: 2, window_ms: 60_000 }
      expect(await store.check("two:x", 1)).toEqual({ kind: "allowed", limit: chosen, remaining: 1, reset_ms: 60_000 })
      await store.check("two:x", 1)
      const refused = await other.check("two:x", 1)
      expect(refused).toMatchObject({ kind: "limited", limit: chosen, remaining: 0 })
      if (refused.kind === "limited") expect(refused.retry_after_ms).toBeWithin(50_000, 60_001)
    })

    test("takes a cost as a whole or not at all, and says when enough units have left", async () => {
      await limit("cost:", 5)
      expect(await store.check("cost:x", 3)).toMatchObject({ kind: "allowed", remaining: 2 })
      expect(await store.check("cost:x", 3)).toMatchObject({ kind: "limited", remaining: 2 })
      expect(await store.check("cost:x", 6)).toMatchObject({ kind: "limited", retry_after_ms: 60_000 })
      expect(await store.check("cost:x", 2)).toMatchObject({ kind: "allowed", remaining: 0 })
      await limit("cost:", 1)
      expect(await store.check("cost:x", 1)).toMatchObject({ kind: "limited", remaining: 0 })
    })

    test("frees a key as its units leave the window", async () => {
      await limit("slide:", 2, 1_000)
      expect(await kinds("slide:x", 3)).toContain("limited")
      expect(await waitUntil(async () => (await store.check("slide:x", 1)).kind === "allowed", PATIENCE)).toBe(true)
    })

    test("lets the longest prefix decide, and holds a bounded number of limits", async () => {
      await limit("p:", 7)
      await limit("p:q:", 3)
      expect((await store.counter("p:q:x")).limit).toEqual({ prefix: "p:q:", max: 3, window_ms: 60_000 })
      expect((await store.counter("p:x")).limit.max).toBe(7)
      expect((await store.counter("elsewhere")).limit.prefix).toBe("")
      expect([await other.removeLimit("p:q:"), await other.removeLimit("p:q:")]).toEqual([true, false])
      expect((await store.counter("p:q:x")).limit.max).toBe(7)

      const made: string[] = []
      while (await limit(`many:${made.length}`, 1)) made.push(`many:${made.length}`)
      expect((await store.limits()).length).toBe(MAX_LIMITS)
      expect([await limit("many:0", 2), await limit("one-more", 2)]).toEqual([true, false])
      for (const prefix of made) await store.removeLimit(prefix)
      const prefixes = (await store.limits()).map(({ prefix }) => prefix)
      expect(prefixes).toEqual([...prefixes].sort())
    })

    test("refuses a blocked key until the block is lifted or over", async () => {
      const before_ms = Date.now()
      const { until_ms } = await store.block("mallory", 60_000, "abuse, again")
      expect(until_ms - before_ms).toBeWithin(59_000, 62_000)
      expect(await other.check("mallory", 1)).toEqual({ kind: "blocked", reason: "abuse, again" })
      await store.block("hasty", 1_000, "cool down")
      expect((await other.blocks()).map(({ key }) => key)).toEqual(["hasty", "mallory"])
      expect(await waitUntil(async () => (await store.check("hasty", 1)).kind === "allowed", PATIENCE)).toBe(true)
      expect(await store.blocks()).toEqual([{ key: "mallory", until_ms, reason: "abuse, again" }])
      expect([await other.unblock("mallory"), await other.unblock("mallory")]).toEqual([true, false])
      expect(await kinds("mallory", 1)).toEqual(["allowed"])
    })

    test("lists counters in the order of their keys' bytes, in pages and by prefix, whatever the keys hold", async () => {
      const keys = ["page:", "page: ", "page:%", "page:a b", "page:z", "page:ä", "page:日本", "page:🙂"]
      for (const key of ["pagf", "pag", ...keys.toReversed()]) await store.check(key, 2)
      const listed: string[] = []
      for (let after = ""; ; after = listed.at(-1)!) {
        const found = await other.counters({ prefix: "page:", after, size: 3 })
        listed.push(...found.map(({ key }) => key))
        if (found.length < 3) break
      }
      expect(listed).toEqual(keys)
      expect(await store.counter("page:🙂")).toMatchObject({ key: "page:🙂", used: 2, limit: { prefix: "" } })
      const behind = await store.counters({ prefix: "page:", after: "a", size: 1 })
      expect(behind.map(({ key, used }) => [key, used])).toEqual([["page:", 2]])
      expect(await store.counters({ prefix: "page:", after: "q", size: 1 })).toEqual([])
    })

    test("forgets a key on reset", async () => {
      await store.check("again", 100)
      expect(await kinds("again", 1)).toEqual(["limited"])
      expect([await other.reset("again"), await other.reset("again")]).toEqual([100, 0])
      expect(await store.counter("again")).toMatchObject({ used: 0 })
      expect(await kinds("again", 1)).toEqual(["allowed"])
    })

    test("knows its nodes, and leaves a successor alone when its predecessor says goodbye", async () => {
      const a = { name: "a", url: "http://a:1", pid: 1, started_at_ms: 1 }
      const successor = { ...a, pid: 2, started_at_ms: 2 }
      await store.heartbeat({ ...a, name: "b" })
      await store.heartbeat(a)
      await other.heartbeat(successor)
      await store.leave(a)
      await store.leave({ ...a, name: "nobody" })
      const [seen, b] = await store.nodes()
      expect([seen, b]).toMatchObject([
        { name: "a", url: "http://a:1", heartbeat_age_ms: expect.any(Number) },
        { name: "b" },
      ])
      await store.leave(successor)
      expect((await other.nodes())[0]).toEqual({ name: "a", url: "http://a:1", heartbeat_age_ms: null })
    })

    test("prunes what has expired, and forgets a key with nothing left, but not a counter that somebody changed", async () => {
      await limit("short:", 10, 50)
      for (const key of ["short:gone", "short:lied"]) await store.check(key, 1)
      await falsified(4, () => ["short:lied"])
      const left = async () => {
        for (let after: string | undefined = ""; after !== undefined; after = await store.prune(after)) {}
        return (await store.counters({ prefix: "short:", after: "", size: 10 })).map(({ key, used }) => [key, used])
      }
      expect(await waitUntil(async () => Bun.deepEquals(await left(), [["short:lied", 4]]), PATIENCE)).toBe(true)
      expect((await books.countLog()).has("short:gone")).toBe(false)
    })

    test("lets no falsified counter change a decision, shows it until a recount, and counts what was wrong", async () => {
      await books.recount()
      await limit("lied:", 3)
      await store.check("lied:x", 1)
      expect(await falsified(40, () => ["lied:x", "lied:idle"])).toEqual([
        { key: "lied:x", before: 1, after: 41 },
        { key: "lied:idle", before: 0, after: 40 },
      ])
      expect((await kinds("lied:x", 3)).filter((kind) => kind === "allowed")).toHaveLength(2)
      expect((await store.counter("lied:x")).used).toBe(43)
      expect((await books.countLog()).get("lied:x")).toBe(3)
      expect([await books.recount(), await books.recount()]).toEqual([2, 0])
      expect([await store.counter("lied:x"), await store.counter("lied:idle")]).toMatchObject([
        { used: 3 },
        { used: 0 },
      ])
    })

    test("shows those in use to whoever falsifies", async () => {
      await store.check("used", 1)
      let shown: string[] = []
      await falsified(1, (inUse) => ((shown = inUse), []))
      expect(shown).toContain("used")
      expect(shown).not.toContain("lied:idle")
    })

    test("is walked to its end, however many keys it holds", async () => {
      const keys = Array.from({ length: 1_200 }, (_, n) => `walk:${n}`)
      for (const key of keys) await store.check(key, 1)
      const counted = await books.countLog()
      expect(keys.filter((key) => counted.get(key) !== 1)).toEqual([])
      await falsified(1, () => keys.slice(-2))
      expect(await books.recount()).toBe(2)
    })

    test("tells how long each piece of work took", async () => {
      called.length = 0
      await store.probe()
      await store.limits()
      expect(called).toEqual([1, 2].map(() => ({ duration_ms: expect.any(Number), reached: true })))
    })
  })
}

test("a place is a file or a Redis server, its password is not shown, and anything else is refused", () => {
  expect(placeFrom("/data/limits.db")).toEqual({ kind: "sqlite", file: "/data/limits.db" })
  expect(shownPlace(placeFrom("redis://:secret@redis:6379/1"))).toBe("redis://:***@redis:6379/1")
  expect(() => placeFrom("http://redis:6379")).toThrow('"http://redis:6379" is no store: a file, or redis://HOST:PORT')
})
