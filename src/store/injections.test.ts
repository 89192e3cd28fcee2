import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { bootId, identify, thisProcess } from "../lib/process.ts"
import { events, firstBreak } from "./events.ts"
import { allInjections, enterPhase, injectionsOf, isForsaken, isOpen, recordConfirmation } from "./injections.ts"
import { planInjection } from "./plan-injection.ts"
import type { Phase } from "./kinds.ts"
import { recordRecovery } from "./recovery.ts"

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

function planned(id = "i-1") {
  const { store, lab } = stored
  const injection = { id, lab, fault: "node_kill", targets: ["a"], params: { hard: true }, plan: { nodes: ["a"] } }
  planInjection(store, injection)
  return injection
}

const phases = () => events(stored.store, stored.lab, { kinds: ["injection.phase"] }).map(({ body }) => body.phase)
const row = () => injectionsOf(stored.store, stored.lab)[0]!

describe("an injection", () => {
  test("is on record before it begins, with its whole undo, as event and row alike", () => {
    const injection = planned()
    expect(row()).toEqual({
      ...injection,
      phase: "planned",
      confirmation: null,
      created_at: clock.now().toISOString(),
      active_ms: null,
      ended_ms: null,
      reason: null,
      ...{ expires_at: null, reverted_at: null, recovered_at: null },
      worker: { boot: bootId(), ...thisProcess() },
    })
    const [event] = events(stored.store, stored.lab, { kinds: ["injection.planned"] })
    const { fault, targets, params, plan } = injection
    expect(event!.body).toEqual({ injection: "i-1", fault, targets, params, undo: plan })
  })

  test("goes through its phases and remembers when it became active and when it ended", () => {
    const injection = planned()
    enterPhase(stored.store, injection, "injecting")
    const active_ms = clock.mono_ms()
    enterPhase(stored.store, injection, "active")
    recordConfirmation(stored.store, injection, "confirmed", "seen")
    clock.advance(10)
    enterPhase(stored.store, injection, "reverting")
    enterPhase(stored.store, injection, "reverted")
    expect(row()).toMatchObject({ phase: "reverted", confirmation: "confirmed", active_ms, ended_ms: clock.mono_ms() })
    expect(phases()).toEqual(["injecting", "active", "reverting", "reverted"])
  })

  test.each<Phase>(["reverted", "void"])("that is %s stays so, however often it is reverted again", (end) => {
    const injection = planned()
    enterPhase(stored.store, injection, "active")
    enterPhase(stored.store, injection, end, "seen gone")
    const before = row()
    clock.advance(1_000)
    for (const phase of ["reverting", "failed", "reverted", "void", "active"] as const)
      enterPhase(stored.store, injection, phase, "again")
    expect(row()).toEqual(before)
    expect(isOpen(row())).toBe(false)
    expect(phases()).toEqual(["active", end])
  })

  test("that was seen gone says when, and when its lab was well again, once", () => {
    const injection = planned()
    enterPhase(stored.store, injection, "active")
    enterPhase(stored.store, injection, "reverted")
    const reverted_at = clock.now().toISOString()
    clock.advance(2_000)
    recordRecovery(stored.store, injection, clock.now().toISOString())
    const recovered_at = clock.now().toISOString()
    clock.advance(1_000)
    recordRecovery(stored.store, injection, clock.now().toISOString())
    expect(row()).toMatchObject({ reverted_at, recovered_at })
    expect(events(stored.store, stored.lab, { kinds: ["injection.recovered"] })).toHaveLength(1)
  })

  test("is forsaken when whoever is at work on it dies, and only then", async () => {
    const injection = planned()
    for (const phase of ["injecting", "active", "reverting"] as const) {
      enterPhase(stored.store, injection, phase)
      expect(isForsaken(row())).toBe(false)
    }
    const child = Bun.spawn(["sleep", "600"])
    const dead = { boot: bootId(), ...identify(child.pid)! }
    const its = (phase: Phase) => ({ phase, worker: dead })
    expect(isForsaken(its("injecting"))).toBe(false)
    child.kill("SIGKILL")
    await child.exited
    const ends = (["planned", "injecting", "active", "reverting", "reverted", "void", "failed"] as const).filter(
      (phase) => isForsaken(its(phase)),
    )
    // Once it is confirmed, nobody is at work on an active one any more.
    expect(ends).toEqual(["planned", "injecting", "active", "reverting"])
  })

  test("that could not be reverted is still open, and may be reverted later", () => {
    const injection = planned()
    enterPhase(stored.store, injection, "failed", "it is still there")
    expect(isOpen(row())).toBe(true)
    enterPhase(stored.store, injection, "reverted")
    expect(row()).toMatchObject({ phase: "reverted", reason: "it is still there" })
  })

  test("has a record of its own beside others", () => {
    planned("i-1")
    clock.advance(1)
    enterPhase(stored.store, planned("i-2"), "void")
    expect(allInjections(stored.store).map(({ id, phase }) => [id, phase])).toEqual([
      ["i-1", "planned"],
      ["i-2", "void"],
    ])
    expect(() => planned("i-1")).toThrow("UNIQUE")
  })
})
