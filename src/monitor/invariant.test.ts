import { describe, expect, test } from "bun:test"
import { seeded } from "../lib/random.ts"
import type { Status, TicketKind } from "../store/kinds.ts"
import { initialState, type InvariantState, type Patience, type Step, step } from "./invariant.ts"

const PATIENCE: Patience = { for_ms: 0, unknown_after_ms: 10_000 }

/** Observes a status at each moment (in seconds), and gives every step. */
function observed(moments: [second: number, status: Status][], patience = PATIENCE, raised: TicketKind[] = []): Step[] {
  let state: InvariantState = initialState(raised)
  return moments.map(([second, status]) => {
    const next = step(state, status, second * 1_000, patience)
    state = next.state
    return next
  })
}

const opens = (steps: Step[]) => steps.map((one) => one.opens.join())
const resolves = (steps: Step[]) => steps.map((one) => one.resolves.join())

describe("an invariant at a node", () => {
  test("has a transition at its first observation and at each change, and since_ms stays in between", () => {
    const steps = observed([
      [1, "ok"],
      [2, "ok"],
      [3, "violated"],
      [4, "violated"],
    ])
    expect(steps.map(({ transition }) => transition)).toEqual([true, false, true, false])
    expect(steps.map(({ state }) => state.since_ms)).toEqual([1_000, 1_000, 3_000, 3_000])
  })

  test("opens its ticket at the first violated observation, once, and resolves it at the first that is ok", () => {
    const steps = observed([
      [0, "ok"],
      [1, "violated"],
      [2, "violated"],
      [3, "ok"],
      [4, "ok"],
    ])
    expect(opens(steps)).toEqual(["", "violated", "", "", ""])
    expect(resolves(steps)).toEqual(["", "", "", "violated", ""])
  })

  test("opens no ticket for a violation that is shorter than `for`", () => {
    const patience = { ...PATIENCE, for_ms: 3_000 }
    const brief = observed(
      [
        [0, "violated"],
        [2, "violated"],
        [2.5, "ok"],
        [3, "violated"],
        [5, "violated"],
      ],
      patience,
    )
    expect(opens(brief)).toEqual(["", "", "", "", ""])
    const long = observed(
      [
        [0, "violated"],
        [2, "violated"],
        [3, "violated"],
      ],
      patience,
    )
    expect(opens(long)).toEqual(["", "", "violated"])
  })

  test("neither opens nor resolves the violation's ticket while it is unknown", () => {
    const steps = observed([
      [0, "violated"],
      [1, "unknown"],
      [2, "violated"],
      [3, "unknown"],
      [4, "ok"],
    ])
    expect(opens(steps)).toEqual(["violated", "", "", "", ""])
    expect(resolves(steps)).toEqual(["", "", "", "", "violated"])
  })

  test("opens a ticket of kind unknown once that has lasted, and resolves it with the first thing that is seen", () => {
    const steps = observed([
      [0, "unknown"],
      [9.9, "unknown"],
      [10, "unknown"],
      [11, "unknown"],
      [12, "violated"],
    ])
    expect(opens(steps)).toEqual(["", "", "unknown", "", "violated"])
    expect(resolves(steps)).toEqual(["", "", "", "", "unknown"])
  })

  test("resolves a ticket that an earlier monitor opened, and does not open it again", () => {
    expect(opens(observed([[0, "violated"]], PATIENCE, ["violated"]))).toEqual([""])
    expect(resolves(observed([[0, "ok"]], PATIENCE, ["violated", "unknown"]))).toEqual(["violated,unknown"])
  })

  test("keeps its promises over any sequence of observations", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const random = seeded(seed)
      const patience = { for_ms: Math.floor(random() * 4) * 1_000, unknown_after_ms: 3_000 }
      check(randomWalk(random), patience)
    }
  })
})

function randomWalk(random: () => number): [number, Status][] {
  let [second, status]: [number, Status] = [0, "ok"]
  return Array.from({ length: 60 }, () => {
    second += 0.5 + random()
    if (random() < 0.4) status = (["ok", "violated", "unknown"] as const)[Math.floor(random() * 3)]!
    return [second, status] as [number, Status]
  })
}

function check(moments: [number, Status][], patience: Patience): void {
  const raised = new Set<TicketKind>()
  let [not_ok_s, unknown_s]: (number | undefined)[] = []
  for (const [index, next] of observed(moments, patience).entries()) {
    const [second, status] = moments[index]!
    if (status === "ok") not_ok_s = undefined
    if (status === "violated") not_ok_s ??= second
    unknown_s = status === "unknown" ? (unknown_s ?? second) : undefined
    for (const kind of next.resolves) {
      expect(raised.delete(kind)).toBe(true)
      expect(kind === "violated" ? status === "ok" : status !== "unknown").toBe(true)
    }
    for (const kind of next.opens) {
      expect(raised.has(kind)).toBe(false)
      raised.add(kind)
      expect(kind).toBe(status as TicketKind)
    }
    if (status === "ok") expect(raised.size).toBe(0)
    const violation_ms = (second - (not_ok_s ?? second)) * 1_000
    if (status === "violated") expect(raised.has("violated")).toBe(violation_ms >= patience.for_ms)
    const blind_ms = (second - (unknown_s ?? second)) * 1_000
    if (status === "unknown") expect(raised.has("unknown")).toBe(blind_ms >= patience.unknown_after_ms)
    expect([...next.state.raised].toSorted()).toEqual([...raised].toSorted())
  }
}
