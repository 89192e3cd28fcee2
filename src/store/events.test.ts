import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { fillLog, recordLab, type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { sha256 } from "../lib/ids.ts"
import { append, chainHead, events, firstBreak } from "./events.ts"

let stored: StoredLab

beforeEach(() => {
  stored = storedLab()
})

afterEach(() => stored[Symbol.dispose]())

describe("an event", () => {
  test("is read back as it was appended, at its place in its own lab's log", () => {
    const { store, lab } = stored
    const body = { step: 2, call: "c", command: "printf 'ü\\0'\n", reasoning: 'because "so"   \ud800' }
    const placed = append(store, lab, "command", body, { session: "s-1", blob: "what was printed" })
    expect(placed.seq).toBe(2)
    const [first, second] = events(store, lab)
    expect(first).toMatchObject({ seq: 1, kind: "lab.created", prev: "", session: null, blob: null })
    expect(second).toEqual({
      ...placed,
      lab,
      kind: "command",
      session: "s-1",
      body,
      blob: sha256("what was printed"),
      prev: first!.hash,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(firstBreak(store, lab)).toBeUndefined()
  })

  test("of one lab does not count in another's log", () => {
    const { store, lab } = stored
    const other = recordLab(store, "kv-2")
    append(store, other, "gates", { since_ms: 1, failing: [] })
    append(store, lab, "gates", { since_ms: 2, failing: [] })
    expect(events(store, other).map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, "lab.created"],
      [2, "gates"],
    ])
    expect([firstBreak(store, lab), firstBreak(store, other)]).toEqual([undefined, undefined])
  })

  test("is found by its kind, after a place, and no more of them than asked for", () => {
    const { store, lab } = stored
    fillLog(stored.store, stored.lab)
    const seqs = (options: Parameters<typeof events>[2]) => events(store, lab, options).map(({ seq }) => seq)
    expect(seqs({ kinds: ["gates"] })).toEqual([2, 5, 6, 7, 8])
    expect(seqs({ kinds: ["gates", "node"], after: 2 })).toEqual([3, 5, 6, 7, 8])
    expect(seqs({ after: 5, limit: 2 })).toEqual([6, 7])
    expect(seqs({ kinds: [] })).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(seqs({ after: 8 })).toEqual([])
  })

  test("is refused for a lab that nobody has recorded", () => {
    expect(() => append(stored.store, "nobody", "monitor.stopped", {})).toThrow("FOREIGN KEY")
    expect(events(stored.store, "nobody")).toEqual([])
  })

  test.each([
    ["an update", "update events set body = '{}' where seq = 1"],
    ["an update of what is not the story", "update events set at = at"],
    ["a deletion", "delete from events where seq = 8"],
    ["a deletion of everything", "delete from events"],
    ["a replacement", "insert or replace into events select * from events where seq = 8"],
    [
      "an insertion between two",
      "insert into events select lab, -1, at, 0, kind, null, body, null, '', '' from events",
    ],
    ["a gap", "insert into events select lab, seq + 9, at, 0, kind, null, body, null, '', '' from events"],
  ])("cannot be undone: %s is refused", (_, sql) => {
    const { store, lab } = stored
    fillLog(stored.store, stored.lab)
    const before = events(store, lab)
    expect(() => store.db.run(sql)).toThrow("the event log is append-only")
    expect(events(store, lab)).toEqual(before)
  })
})

describe("what follows from an event", () => {
  test("is there with it, or neither is", () => {
    const { store, lab } = stored
    const project = () => {
      store.db.run("update labs set attempts = 7")
      throw new Error("half-way")
    }
    const before = chainHead(store, lab)
    expect(() => append(store, lab, "monitor.stopped", {}, { project, blob: "of the lost one" })).toThrow("half-way")
    expect(chainHead(store, lab)).toEqual(before)
    expect(store.db.query("select attempts from labs").get()).toEqual({ attempts: 0 })
    expect(store.db.query("select count(*) as n from blobs").get()).toEqual({ n: 0 })
    expect(append(store, lab, "monitor.stopped", {}).seq).toBe(before.seq + 1)
  })

  test("of several events in one write is all there, or nothing is", () => {
    const { store, lab } = stored
    const both = () =>
      store.write(() => {
        append(store, lab, "monitor.stopped", {})
        append(store, lab, "monitor.stopped", {}, { durable: true })
        throw new Error("after both")
      })
    expect(both).toThrow("after both")
    expect(chainHead(store, lab).seq).toBe(1)
  })

  test("must not be asynchronous: a promise is refused, and nothing is kept", async () => {
    const { store, lab } = stored
    const late = async () => void append(store, lab, "monitor.stopped", {})
    // @ts-expect-error: what returns a promise is no change to a store
    expect(() => store.write(late)).toThrow("must not be asynchronous")
    expect(() => append(store, lab, "monitor.stopped", {}, { project: async () => {} })).toThrow(
      "must not be asynchronous",
    )
    expect(chainHead(store, lab).seq).toBe(1)
  })
})
