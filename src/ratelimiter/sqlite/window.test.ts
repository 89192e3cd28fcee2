import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import schema from "./schema.sql" with { type: "text" }
import { StoreUnreachable } from "../store.ts"
import { SlidingWindow } from "./window.ts"

function setUp(max: number, window_ms: number) {
  const db = new Database(":memory:", { strict: true })
  db.run(schema)
  db.run("insert into limits (prefix, max, window_ms) values ('', ?, ?)", [max, window_ms])
  return { db, window: new SlidingWindow(db) }
}

const used = (db: Database, key: string) => db.query("select used from counters where key = ?").get(key)
const units = (db: Database, key: string) => db.query("select count(*) as n from log where key = ?").get(key)

test("no window holds more than max units, wherever it begins", () => {
  const { window } = setUp(7, 1_000)
  const allowed_ms: number[] = []
  let now_ms = 0
  for (let n = 0; n < 2_000; n++) {
    now_ms += Math.floor(Math.random() * 120)
    if (window.take("k", 1, now_ms).kind === "allowed") allowed_ms.push(now_ms)
  }
  expect(allowed_ms.length).toBeGreaterThan(100)
  for (const [n, at_ms] of allowed_ms.entries()) {
    const eighth_ms = allowed_ms[n + 7]
    if (eighth_ms !== undefined) expect(eighth_ms - at_ms).toBeGreaterThanOrEqual(1_000)
  }
})

test("a refused check is allowed after the time it was told, and not a millisecond before", () => {
  const { window } = setUp(2, 1_000)
  window.take("k", 1, 100)
  window.take("k", 1, 400)
  const refused = window.take("k", 1, 500)
  expect(refused).toMatchObject({ kind: "limited", remaining: 0, reset_ms: 600, retry_after_ms: 600 })
  expect(window.take("k", 1, 1_099).kind).toBe("limited")
  expect(window.take("k", 1, 1_100).kind).toBe("allowed")
})

test("a cost is taken as a whole or not at all, and waits for enough units to leave", () => {
  const { db, window } = setUp(5, 1_000)
  expect(window.take("k", 2, 0)).toMatchObject({ kind: "allowed", remaining: 3 })
  expect(window.take("k", 2, 300)).toMatchObject({ kind: "allowed", remaining: 1 })
  expect(window.take("k", 4, 400)).toMatchObject({ kind: "limited", remaining: 1, reset_ms: 600, retry_after_ms: 900 })
  expect(window.take("k", 6, 400)).toMatchObject({ kind: "limited", retry_after_ms: 1_000 })
  expect(units(db, "k")).toEqual({ n: 4 })
  expect(used(db, "k")).toEqual({ used: 4 })
})

test("the counter follows the log through every change, and keeps an error that somebody made", () => {
  const { db, window } = setUp(10, 1_000)
  window.take("k", 3, 0)
  db.run("update counters set used = used + 4 where key = 'k'")
  window.take("k", 2, 500)
  expect(used(db, "k")).toEqual({ used: 9 })
  window.take("k", 1, 1_200)
  expect([units(db, "k"), used(db, "k")]).toEqual([{ n: 3 }, { used: 7 }])
  window.prune("", 100, 9_000)
  expect([units(db, "k"), used(db, "k")]).toEqual([{ n: 0 }, { used: 4 }])
})

test("a falsified counter changes no decision: the log decides", () => {
  const { db, window } = setUp(2, 1_000)
  window.take("k", 1, 0)
  db.run("update counters set used = 50 where key = 'k'")
  expect(window.take("k", 1, 100).kind).toBe("allowed")
  db.run("update counters set used = 0 where key = 'k'")
  expect(window.take("k", 1, 200).kind).toBe("limited")
})

test("pruning forgets idle keys, in batches, and says where to go on", () => {
  const { db, window } = setUp(10, 1_000)
  for (const key of ["a", "b", "c"]) window.take(key, 1, 0)
  window.take("c", 1, 900)
  expect(window.prune("", 2, 1_500)).toBe("b")
  expect(window.prune("b", 2, 1_500)).toBeUndefined()
  expect(db.query("select key, used from counters").all()).toEqual([{ key: "c", used: 1 }])
})

test("the longest prefix of a key decides its limit", () => {
  const { db, window } = setUp(1, 1_000)
  db.run("insert into limits values ('api:', 2, 1000), ('api:admin', 3, 1000)")
  expect(["web", "api", "api:x", "api:admin:x"].map((key) => window.limitOf(key).max)).toEqual([1, 1, 2, 3])
})

test("a store without its default limit answers nothing rather than allow everything", () => {
  const { db, window } = setUp(1, 1_000)
  db.run("delete from limits where prefix = ''")
  expect(() => window.take("k", 1, 0)).toThrow(StoreUnreachable)
})
