import { Database } from "bun:sqlite"
import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { fillLog, recordLab, type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { CheckFailed } from "../lib/errors.ts"
import { sha256 } from "../lib/ids.ts"
import { append, chainHead, events, firstBreak } from "./events.ts"

let stored: StoredLab

beforeEach(() => {
  stored = storedLab()
})

afterEach(() => stored[Symbol.dispose]())

describe("the chain", () => {
  /** Changes the file as somebody would who wants another story: without triggers, and without this program. */
  function tamper(file: string, ...statements: string[]): void {
    using raw = new Database(file)
    for (const trigger of ["events_are_not_updated", "events_are_not_deleted", "events_are_appended"])
      raw.run(`drop trigger ${trigger}`)
    for (const statement of statements) expect(raw.run(statement).changes).toBeGreaterThan(0)
  }

  const broken = () => firstBreak(stored.store, stored.lab)

  test("holds when nobody has touched it", () => {
    fillLog(stored.store, stored.lab)
    expect(broken()).toBeUndefined()
  })

  test("covers every column of every event", () => {
    const columns = stored.store.db.query<{ name: string; type: string }, []>("pragma table_info(events)").all()
    expect(columns.length).toBeGreaterThanOrEqual(10)
    for (const { name, type } of columns) {
      const changed = type === "TEXT" ? `coalesce(${name}, '') || 'x'` : `${name} + 1000`
      // What leaves the end of a log leaves no gap in it.
      const last = name === "lab" || name === "seq" ? 7 : 8
      for (const seq of [1, 4, 5, last]) {
        using copy = storedLab()
        fillLog(copy.store, copy.lab)
        tamper(copy.file, `update events set ${name} = ${name === "body" ? "'{}'" : changed} where seq = ${seq}`)
        expect({ name, seq: firstBreak(copy.store, copy.lab)?.seq }).toEqual({ name, seq })
      }
    }
  })

  test("shows that an event came from another log", () => {
    fillLog(stored.store, stored.lab)
    recordLab(stored.store, "kv-2")
    tamper(
      stored.file,
      "update events set lab = 'kv-2' where lab = 'kv-1' and seq = 8",
      "update events set seq = 2 where seq = 8",
    )
    expect(firstBreak(stored.store, "kv-2")).toEqual({ seq: 2, reason: "it does not follow the event before it" })
  })

  test.each([1, 2, 4, 7])("shows that event %i was removed", (seq) => {
    fillLog(stored.store, stored.lab)
    tamper(stored.file, `delete from events where seq = ${seq}`)
    expect(broken()).toEqual({ seq, reason: "an event is missing" })
  })

  test("shows that an event was removed and the gap closed", () => {
    fillLog(stored.store, stored.lab)
    tamper(stored.file, "delete from events where seq = 4", "update events set seq = seq - 1 where seq > 4")
    expect(broken()).toEqual({ seq: 4, reason: "it does not follow the event before it" })
  })

  test("shows that two events changed places", () => {
    fillLog(stored.store, stored.lab)
    tamper(
      stored.file,
      "update events set seq = 100 where seq = 4",
      "update events set seq = 4 where seq = 5",
      "update events set seq = 5 where seq = 100",
    )
    expect(broken()).toEqual({ seq: 4, reason: "it does not follow the event before it" })
  })

  test("shows that an event was inserted, also one that follows and has a hash of its own", () => {
    fillLog(stored.store, stored.lab)
    const [third] = events(stored.store, stored.lab, { after: 2, limit: 1 })
    const forged = { at: third!.at, body: '{"since_ms":1,"failing":[]}', prev: third!.hash }
    const hash = sha256(JSON.stringify(["kv-1", 4, forged.at, 1, "gates", null, forged.body, null, forged.prev]))
    tamper(
      stored.file,
      "update events set seq = seq + 100 where seq > 3",
      "update events set seq = seq - 99 where seq > 100",
      `insert into events values ('kv-1', 4, '${forged.at}', 1, 'gates', null, '${forged.body}', null, '${forged.prev}', '${hash}')`,
    )
    expect(broken()).toEqual({ seq: 5, reason: "it does not follow the event before it" })
  })

  test("cannot show that its end was cut off; its head, published before, does", () => {
    fillLog(stored.store, stored.lab)
    const published = chainHead(stored.store, stored.lab)
    tamper(stored.file, "delete from events where seq = 8")
    expect(broken()).toBeUndefined()
    expect(chainHead(stored.store, stored.lab)).not.toEqual(published)
  })

  test("is looked through without holding up those who write", () => {
    fillLog(stored.store, stored.lab)
    tamper(stored.file, "update events set at = 'never' where seq = 2")
    expect(broken()).toEqual({ seq: 2, reason: "it was altered" })
    expect(stored.store.checkpoint()).toBe(true)
    expect(append(stored.store, stored.lab, "monitor.stopped", {}).seq).toBe(9)
  })

  test("is found broken when an event is no longer JSON, and reading it says so", () => {
    fillLog(stored.store, stored.lab)
    tamper(stored.file, "pragma ignore_check_constraints = on; update events set body = '{' where seq = 3")
    expect(broken()).toEqual({ seq: 3, reason: "it was altered" })
    expect(() => events(stored.store, stored.lab)).toThrow(CheckFailed)
    expect(() => events(stored.store, stored.lab)).toThrow("event 3 of kv-1 was altered")
  })
})
