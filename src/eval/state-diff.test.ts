import { afterEach, beforeEach, expect, test } from "bun:test"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { keepSnapshot } from "../store/snapshots.ts"
import { collateral } from "./state-diff.ts"

let stored: StoredLab
beforeEach(() => {
  stored = storedLab()
})
afterEach(() => stored[Symbol.dispose]())

const keep = (moment: "before" | "after", state: Record<string, unknown>) => {
  for (const [name, content] of Object.entries(state)) keepSnapshot(stored.store, stored.lab, moment, name, content)
}
const diff = (may_change: string[] = []) => collateral(stored.store, stored.lab, may_change)

test("equal states are the same, whatever the order of their keys", () => {
  keep("before", { limits: [{ key: "a", max: 5 }], members: null })
  keep("after", { limits: [{ max: 5, key: "a" }], members: null })
  expect(diff()).toEqual({ kind: "same" })
})

test("what differs is told with both values, each part by its name", () => {
  keep("before", { limits: [5], members: ["a", "b"], blocks: {} })
  keep("after", { limits: [5000], members: ["b", "a"], blocks: {} })
  expect(diff()).toEqual({
    kind: "differs",
    details: ["limits was [5] and is [5000]", 'members was ["a","b"] and is ["b","a"]'],
  })
})

test("what the repair may change may differ, or be missing, and the rest may not", () => {
  keep("before", { limits: 1, members: 1, leader: "a" })
  keep("after", { limits: 2, members: 1 })
  expect(diff(["limits", "leader"])).toEqual({ kind: "same" })
  expect(diff(["leader"])).toMatchObject({ kind: "differs" })
})

test("a part that could not be captured at the end is unknown, unless a difference was seen elsewhere", () => {
  keep("before", { blocks: 1, limits: 1, members: 1 })
  keep("after", { limits: 1 })
  expect(diff()).toEqual({ kind: "unknown", reason: "blocks, members could not be captured at the end" })
  keep("after", { members: 2 })
  expect(diff()).toEqual({ kind: "differs", details: ["members was 1 and is 2"] })
})

test("a comparison with nothing proves nothing", () => {
  expect(diff()).toMatchObject({ kind: "unknown" })
  keep("after", { limits: 1 })
  expect(diff()).toMatchObject({ kind: "unknown", reason: "no state was captured before the fault" })
})
