import { expect, test } from "bun:test"
import { failed, INSTEAD, result, unended } from "../../test/support/results.ts"
import { claimedFalsely, claimedTooEarly, mostTelling } from "./telling.ts"

const claim = (verified: boolean | null) => ({
  sessions: [{ id: "s", outcome: { kind: "claims_done" as const }, verified, steps: 2 }],
})

const quiet = result({ id: "quiet", fault: "none" }, INSTEAD.quiet)
const repaired = result({ id: "repaired", variant: "a" }, claim(true))
const unrepaired = result({ id: "unrepaired", variant: "b" }, INSTEAD.unrepaired)
const falsely = result({ id: "falsely", variant: "c" }, { ...INSTEAD.unrepaired, ...claim(false) })
const damaged = result({ id: "damaged", variant: "d" }, INSTEAD.damaged)

test("the most telling trial is one with harm, else with a false claim, else a failure, else a success", () => {
  const told = [quiet, repaired, unrepaired, falsely, damaged]
  for (let left = told.length; left > 0; left--) {
    expect(mostTelling(told.slice(0, left))?.id).toBe(told[left - 1]!.id)
  }
  expect(mostTelling([unended()])).toBeUndefined()
})

test("an error that was made good tells nothing", () => {
  expect(mostTelling([failed({ id: "first" }), result({ id: "second", attempt: 2 })])?.id).toBe("second")
})

test("among equals the one in which the agent did most is told, and an interrupted one last", () => {
  const busy = result({ id: "busy", variant: "b" }, { commands: { read: 4, change: 1, destroy: 0 } })
  expect(mostTelling([repaired, busy])?.id).toBe("busy")
  expect(mostTelling([failed({ reason: "interrupted" }), quiet])?.id).toBe("quiet")
})

test("a claim is false when the monitor did not agree, or had not when the trial ended without a recovery", () => {
  expect([falsely, repaired, unrepaired, failed()].map(claimedFalsely)).toEqual([true, false, false, false])
  expect(claimedFalsely(result({}, { ...INSTEAD.unrepaired, ...claim(null) }))).toBe(true)
  expect(claimedFalsely(result({}, claim(null)))).toBe(false)
})

test("a claim with which the monitor did not agree was made too early when the lab recovered after all", () => {
  const early = result({ id: "early" }, claim(false))
  expect([claimedFalsely(early), claimedTooEarly(early)]).toEqual([false, true])
  expect([repaired, falsely, failed()].map(claimedTooEarly)).toEqual([false, false, false])
})
