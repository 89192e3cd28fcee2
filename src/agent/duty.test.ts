import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { recordCampaign, recordLab, recordTrial, type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { firstBreak } from "../store/events.ts"
import { getLab, markUp } from "../store/labs.ts"
import { claimLab, endSession, giveBack, sessionsOf } from "../store/sessions.ts"
import { getTicket, openTicket, resolveTicket } from "../store/tickets.ts"
import { type Duty, mostUrgent, onDuty } from "./duty.ts"
import { ATTEMPTS } from "./limits.ts"
import { runbookModel } from "./model/runbook.ts"
import { parseVariant } from "./variant.ts"

let stored: StoredLab
beforeEach(() => {
  stored = storedLab()
  markUp(stored.store, stored.lab, ["a"], 1)
})
afterEach(() => stored[Symbol.dispose]())

const about = (lab: string, node: string) =>
  ({ lab, invariant: "health", node, kind: "violated", role: "gate" }) as const

function open(lab: string, severity = "critical", node = "a"): string {
  return openTicket(stored.store, { ...about(lab, node), severity, observation: null })
}

/** Records one more lab that is up. */
function another(id: string, trial: string | null = null): string {
  recordLab(stored.store, id, trial)
  markUp(stored.store, id, ["a"], 1)
  return id
}

interface Served {
  worked: string[]
  ends: string[]
  unwatched: string[]
}

/** Is on call until nothing is left; each claim is true, and settles the lab's tickets, unless said otherwise. */
async function served(change: Partial<Duty> = {}): Promise<Served> {
  const { store } = stored
  const said: Served = { worked: [], ends: [], unwatched: [] }
  const word = async (lab: string) => {
    for (const node of ["a", "b"]) resolveTicket(store, about(lab, node))
    return "agrees" as const
  }
  await onDuty({
    ...{ store, labs: [], variant: await parseVariant(VARIANT, "v.yaml"), once: true },
    model: () => runbookModel({ name: "v", steps: [], says: "done" }),
    monitor: { watches: () => true, word },
    follow: (lab) => {
      said.worked.push(lab)
      return () => undefined
    },
    ended: (_, end) => said.ends.push(end),
    unwatched: (lab) => said.unwatched.push(lab),
    signal: new AbortController().signal,
    ...change,
  })
  return said
}

const VARIANT = "name: v\nabout: a test's\nmodel: runbook\nrunbook: []\n"

const silent = { watches: () => true, word: async () => "silent" as const }
const disagrees = { watches: () => true, word: async () => "disagrees" as const }

/** A session that claims the lab and fails. */
function fail(session: string): void {
  const lease = claimLab(stored.store, { ...CLAIM, lab: stored.lab, session })!
  endSession(stored.store, lease, { outcome: { kind: "limit", which: "steps" }, steps: 0, cost_usd: 0, report: null })
}

const CLAIM = { variant: "v", model: "m", lease_ms: 30_000, max_attempts: ATTEMPTS }

describe("the most urgent lab", () => {
  const at = (minute: number) => `2026-01-28T12:${String(minute).padStart(2, "0")}:00.000Z`
  const lab = (id: string, ...tickets: [severity: string, minute: number][]) => ({
    id,
    tickets: tickets.map(([severity, minute]) => ({ severity, opened_at: at(minute) })),
  })
  const chosen = (...labs: ReturnType<typeof lab>[]) => [mostUrgent(labs)?.id, mostUrgent(labs.toReversed())?.id]

  test("has the most severe open ticket, however old the others' are", () => {
    const labs = [lab("i", ["info", 1]), lab("w", ["warning", 2]), lab("c", ["info", 8], ["critical", 9])]
    expect(chosen(...labs)).toEqual(["c", "c"])
    expect(chosen(...labs.slice(0, 2))).toEqual(["w", "w"])
    expect(chosen(lab("odd", ["urgent", 1]), lab("i", ["info", 2]))).toEqual(["i", "i"])
  })

  test("among equals has had such a ticket for longest; one of less weight makes it no older", () => {
    const younger = lab("younger", ["info", 1], ["critical", 7])
    const older = lab("older", ["critical", 9], ["critical", 6])
    expect(chosen(younger, older)).toEqual(["older", "older"])
  })

  test("is none where there is none", () => {
    expect(mostUrgent([])).toBeUndefined()
  })
})

describe("on duty", () => {
  test("labs are worked by severity and age, those of trials and without tickets not at all", async () => {
    recordCampaign(stored.store, "c-1")
    recordTrial(stored.store, "c-1", "t-1")
    open(another("kv-trial", "t-1"))
    another("kv-calm")
    open(stored.lab, "warning")
    open(another("kv-2"), "info")
    open(another("kv-3"), "critical")
    expect(await served()).toMatchObject({
      worked: ["kv-3", "kv-1", "kv-2"],
      ends: ["verified", "verified", "verified"],
    })
    expect(sessionsOf(stored.store, "kv-trial")).toEqual([])
    expect(firstBreak(stored.store, stored.lab)).toBeUndefined()
  })

  test("for named labs the others are left alone, and it is over once they are gone", async () => {
    open(stored.lab)
    open(another("kv-2"), "info")
    expect((await served({ labs: ["kv-2"] })).worked).toEqual(["kv-2"])
    stored.store.db.run("update labs set state = 'destroyed' where id = 'kv-2'")
    expect((await served({ labs: ["kv-2"], once: false })).worked).toEqual([])
  })

  test("a lab that nobody watches is named once, and not claimed", async () => {
    open(stored.lab)
    const stop = new AbortController()
    let looks = 0
    const watches = () => {
      if (++looks === 2) stop.abort()
      return false
    }
    const said = await served({ monitor: { ...disagrees, watches }, once: false, signal: stop.signal })
    expect({ ...said, looks }).toEqual({ worked: [], ends: [], unwatched: [stored.lab], looks: 2 })
    expect(getLab(stored.store, stored.lab)!.attempts).toBe(0)
  })

  test("a lab that was repaired has all its attempts again", async () => {
    for (let time = 1; time <= ATTEMPTS + 1; time++) {
      open(stored.lab)
      expect((await served()).ends).toEqual(["verified"])
      expect(getLab(stored.store, stored.lab)!.attempts).toBe(0)
    }
  })

  test("a claim that the monitor denies twice hands the tickets to a person, and no agent gets them again", async () => {
    const ticket = open(stored.lab)
    expect((await served({ monitor: disagrees })).ends).toEqual(["escalated"])
    expect(getTicket(stored.store, ticket)!.state).toBe("escalated")
    expect((await served()).worked).toEqual([])
    expect(sessionsOf(stored.store, stored.lab)).toHaveLength(ATTEMPTS)
  })

  test("a claim on which the monitor has nothing to say is not refuted by that", async () => {
    const ticket = open(stored.lab)
    const { ends } = await served({
      monitor: { ...silent, watches: () => sessionsOf(stored.store, stored.lab).length === 0 },
    })
    expect(ends).toEqual(["stopped"])
    expect(sessionsOf(stored.store, stored.lab)).toMatchObject([{ outcome: { kind: "claims_done" }, verified: null }])
    expect(getTicket(stored.store, ticket)!.state).toBe("open")
    expect(getLab(stored.store, stored.lab)).toMatchObject({ session: null, attempts: 1 })
  })

  test("what is open where no attempt is left is handed to a person, once the last session has ended", async () => {
    const ticket = open(stored.lab)
    fail("s-1")
    const lease = claimLab(stored.store, { ...CLAIM, lab: stored.lab, session: "s-2" })!
    expect((await served()).worked).toEqual([])
    expect(getTicket(stored.store, ticket)!.state).toBe("open")
    giveBack(stored.store, lease)
    expect((await served()).worked).toEqual([])
    expect(getTicket(stored.store, ticket)).toMatchObject({ state: "escalated", reason: "no attempt is left after 2" })
  })
})
