import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { events, firstBreak } from "./events.ts"
import { getLab, markDestroyed } from "./labs.ts"
import { claimLab, endSession, recordVerified, renewLease, sessionsOf } from "./sessions.ts"

const LEASE_MS = 30_000

let clock: ReturnType<typeof fakeClock>
let stored: StoredLab

beforeEach(() => {
  clock = fakeClock()
  stored = storedLab(clock)
})

afterEach(() => {
  expect(firstBreak(stored.store, stored.lab)).toBeUndefined()
  stored[Symbol.dispose]()
})

function claim(session: string, max_attempts = 9) {
  const { store, lab } = stored
  return claimLab(store, { lab, session, variant: "v", model: "m", lease_ms: LEASE_MS, max_attempts })
}

const END = { outcome: { kind: "claims_done" }, steps: 3, cost_usd: 0.25, report: "mended" } as const

const state = () => {
  const { session, fence, attempts } = getLab(stored.store, stored.lab)!
  return { session, fence, attempts }
}

describe("a lab", () => {
  test("is one session's: a second claim gets nothing and leaves no trace", () => {
    expect(claim("s-1")).toEqual({ lab: "kv-1", session: "s-1", fence: 1, attempt: 1 })
    expect(claim("s-2")).toBeUndefined()
    expect(state()).toEqual({ session: "s-1", fence: 1, attempts: 1 })
    expect(sessionsOf(stored.store, stored.lab).map(({ id }) => id)).toEqual(["s-1"])
    expect(events(stored.store, stored.lab, { kinds: ["session.claimed"] })).toHaveLength(1)
  })

  test("is free again when its session has ended, and each claim has a higher fence", () => {
    for (let attempt = 1; attempt <= 3; attempt++) {
      const lease = claim(`s-${attempt}`)
      expect(lease).toMatchObject({ fence: attempt, attempt })
      endSession(stored.store, lease!, END)
      expect(state()).toEqual({ session: null, fence: attempt, attempts: attempt })
    }
    const { report, ...kept } = END
    expect(sessionsOf(stored.store, stored.lab)[0]).toMatchObject({ id: "s-1", ...kept, verified: null })
    expect(events(stored.store, stored.lab, { kinds: ["session.ended"] })[0]!.body.report).toBe(report)
  })

  test("is not claimed once more than its attempts allow", () => {
    for (const session of ["s-1", "s-2"]) endSession(stored.store, claim(session, 2)!, END)
    expect(claim("s-3", 2)).toBeUndefined()
    expect(claim("s-3", 3)).toMatchObject({ attempt: 3 })
  })

  test("is claimed by nobody after it was destroyed", () => {
    const lease = claim("s-1")!
    markDestroyed(stored.store, stored.lab, "test", "over", 0)
    expect(claim("s-2")).toBeUndefined()
    expect(renewLease(stored.store, lease, LEASE_MS)).toBe(false)
  })

  test("keeps nothing of a claim that fails: an id is used once", () => {
    endSession(stored.store, claim("s-1")!, END)
    expect(() => claim("s-1")).toThrow("UNIQUE")
    expect(state()).toEqual({ session: null, fence: 1, attempts: 1 })
  })
})

describe("a lease", () => {
  test("holds for as long as it is renewed", () => {
    const lease = claim("s-1")!
    for (let i = 0; i < 5; i++) {
      clock.advance(LEASE_MS - 1)
      expect(claim("s-2")).toBeUndefined()
      expect(renewLease(stored.store, lease, LEASE_MS)).toBe(true)
    }
  })

  test("that has run out may be taken by another; the old one is not renewed again, and its end takes nothing away", () => {
    const old = claim("s-1")!
    clock.advance(LEASE_MS)
    expect(claim("s-2")).toBeUndefined()
    clock.advance(1)
    const lease = claim("s-2")!
    expect(lease).toMatchObject({ fence: 2, attempt: 2 })
    expect(renewLease(stored.store, old, LEASE_MS)).toBe(false)
    expect(renewLease(stored.store, { ...old, session: "s-2" }, LEASE_MS)).toBe(false)
    endSession(stored.store, old, END)
    expect(state()).toMatchObject({ session: "s-2", fence: 2 })
    expect(renewLease(stored.store, lease, LEASE_MS)).toBe(true)
  })

  test("that has run out unnoticed may still be renewed", () => {
    const lease = claim("s-1")!
    clock.advance(LEASE_MS * 2)
    expect(renewLease(stored.store, lease, LEASE_MS)).toBe(true)
    expect(claim("s-2")).toBeUndefined()
  })

  test("is over when its session has ended", () => {
    const lease = claim("s-1")!
    endSession(stored.store, lease, END)
    recordVerified(stored.store, lease, false, 1_500)
    expect(renewLease(stored.store, lease, LEASE_MS)).toBe(false)
    expect(sessionsOf(stored.store, stored.lab)[0]).toMatchObject({ verified: 0, ended_at: clock.now().toISOString() })
  })
})
