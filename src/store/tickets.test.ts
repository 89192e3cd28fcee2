import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { UsageError } from "../lib/errors.ts"
import { events, firstBreak } from "./events.ts"
import { createLab } from "./labs.ts"
import { openStore, type Store } from "./open.ts"
import { keepText } from "./texts.ts"
import * as tickets from "./tickets.ts"

const LAB = "kv-1"
const SIGHTING: tickets.Sighting = {
  lab: LAB,
  invariant: "health",
  node: "a",
  kind: "violated",
  role: "gate",
  severity: "critical",
  observation: { status: "violated", value: null, reason: "connection refused" },
}

let dir: string
let store: Store
let clock: ReturnType<typeof fakeClock>

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tickets-"))
  clock = fakeClock()
  store = openStore(join(dir, "operator.db"), clock)
  const subject_text = keepText(store, "subject", "kv", "")
  const deadline_at = clock.now().toISOString()
  createLab(store, { id: LAB, subject: "kv", subject_text, platform: "process", dir, trial: null, deadline_at })
})

afterEach(() => {
  expect(firstBreak(store, LAB)).toBeUndefined()
  store.close()
  rmSync(dir, { recursive: true })
})

const open = (change: Partial<tickets.Sighting> = {}) => tickets.openTicket(store, { ...SIGHTING, ...change })
const resolve = (change: Partial<tickets.Sighting> = {}) => tickets.resolveTicket(store, { ...SIGHTING, ...change })
const get = (id: string) => tickets.getTicket(store, id)!
const logged = () => events(store, LAB).flatMap(({ kind }) => (kind.startsWith("ticket.") ? [kind.slice(7)] : []))

describe("a ticket", () => {
  test("is opened with what was seen, as event and row alike", () => {
    const id = open()
    expect(id).toMatch(/^t-[0-9a-f]{6}$/)
    expect(get(id)).toEqual({
      ...SIGHTING,
      id,
      state: "open",
      occurrences: 1,
      opened_at: clock.now().toISOString(),
      opened_ms: clock.mono_ms(),
      last_ms: clock.mono_ms(),
      settled_at: null,
      settled_ms: null,
      reason: null,
    })
    expect(events(store, LAB, { kinds: ["ticket.opened"] })[0]?.body).toEqual({
      ticket: id,
      invariant: "health",
      node: "a",
      kind: "violated",
      severity: "critical",
    })
  })

  test("is one for each invariant, node and kind", () => {
    const ids = [open(), open({ node: "b" }), open({ kind: "unknown" }), open({ invariant: "latency" })]
    expect(new Set(ids).size).toBe(4)
    expect(tickets.openTickets(store, LAB).map(({ id }) => id)).toEqual(ids)
  })

  test("is only counted on while it is unsettled", () => {
    const id = open()
    clock.advance(5_000)
    expect(open({ observation: "later" })).toBe(id)
    expect(get(id)).toMatchObject({ state: "open", occurrences: 2, observation: "later", last_ms: clock.mono_ms() })
    expect(logged()).toEqual(["opened", "repeated"])
  })

  test("is reopened within a minute of its resolution: a flapping invariant makes one ticket", () => {
    const id = open()
    for (let flap = 1; flap <= 5; flap++) {
      resolve()
      expect(get(id)).toMatchObject({ state: "resolved", settled_ms: clock.mono_ms() })
      clock.advance(tickets.REOPEN_WITHIN_MS)
      expect(open()).toBe(id)
    }
    expect(get(id)).toMatchObject({ state: "open", occurrences: 6, settled_at: null, settled_ms: null })
    expect(tickets.listTickets(store)).toHaveLength(1)
  })

  test("is a new one when the violation returns later", () => {
    const id = open()
    resolve()
    clock.advance(tickets.REOPEN_WITHIN_MS + 1)
    expect(open()).not.toBe(id)
    expect(tickets.listTickets(store, { states: ["resolved"] }).map((ticket) => ticket.id)).toEqual([id])
  })

  test("that was escalated stays so: it is counted on, and an observation does not resolve it", () => {
    const id = open()
    tickets.escalate(store, id, "two attempts")
    resolve()
    clock.advance(tickets.REOPEN_WITHIN_MS * 10)
    expect(open()).toBe(id)
    tickets.escalate(store, id, "again")
    expect(get(id)).toMatchObject({ state: "escalated", occurrences: 2, reason: "two attempts", settled_at: null })
    expect(logged()).toEqual(["opened", "escalated", "repeated"])
  })

  test("that a person holds is no agent's, stays held when it repeats, and is resolved by observation", () => {
    const id = open()
    tickets.holdTicket(store, id, "I look at it")
    expect(tickets.openTickets(store, LAB)).toEqual([])
    open()
    tickets.escalate(store, id, "not theirs")
    expect(get(id)).toMatchObject({ state: "held", occurrences: 2, reason: "I look at it" })
    resolve()
    expect(get(id).state).toBe("resolved")
  })

  test("that is released is open again", () => {
    const id = open()
    tickets.holdTicket(store, id, "mine")
    tickets.releaseTicket(store, id)
    expect(get(id)).toMatchObject({ state: "open", reason: null, settled_at: null })
    expect(logged()).toEqual(["opened", "held", "released"])
  })

  test("is closed by a person with a reason alone, and then a new violation makes a new one", () => {
    const id = open()
    expect(() => tickets.closeTicket(store, id, "  ")).toThrow(UsageError)
    expect(get(id).state).toBe("open")
    tickets.closeTicket(store, id, "known, harmless")
    expect(get(id)).toMatchObject({ state: "closed", reason: "known, harmless", settled_ms: clock.mono_ms() })
    resolve()
    expect(get(id).state).toBe("closed")
    expect(open()).not.toBe(id)
  })

  test("says why it cannot be moved", () => {
    const id = open()
    expect(() => tickets.releaseTicket(store, id)).toThrow(`${id} is open and cannot be released`)
    resolve()
    expect(() => tickets.holdTicket(store, id, "x")).toThrow(`${id} is resolved and cannot be held`)
    expect(() => tickets.closeTicket(store, id, "x")).toThrow(`${id} is resolved and cannot be closed`)
    expect(() => tickets.closeTicket(store, "t-nobody", "x")).toThrow("there is no ticket t-nobody")
    expect(logged()).toEqual(["opened", "resolved"])
  })
})
