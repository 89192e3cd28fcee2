import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Log } from "../src/audit/list.ts"
import type { Story } from "../src/audit/story.ts"
import type { EventKind } from "../src/store/kinds.ts"
import { DIED, SESSION, type ToldStore, toldStore, TRIAL } from "./support/told-store.ts"

/** Each test starts processes, and the machine may have other things to do. */
setDefaultTimeout(60_000)

let told: ToldStore
beforeEach(() => {
  told = toldStore()
})
afterEach(() => told[Symbol.dispose]())

function story(id: string): Story {
  const { stdout, stderr } = told.audit("show", id, "--json")
  expect(stderr).toBe("")
  return JSON.parse(stdout) as Story
}

const kinds = (story: Story) => story.events.map(({ kind }) => kind)
const WHOLE: EventKind[] = [
  "lab.created",
  "trial.stage",
  "ticket.opened",
  "session.claimed",
  "command",
  "session.ended",
  "trial.stage",
]

describe("audit list", () => {
  test("has every lab, and the attempts without one, newest first", () => {
    const logs = JSON.parse(told.audit("list", "--json").stdout) as Log[]
    expect(logs.map(({ lab, trial, stage, verdict, events }) => [lab, trial, stage, verdict, events])).toEqual([
      [null, DIED, "error", null, 0],
      ["kv-1f00", null, null, null, 1],
      ["kv-1a2b", TRIAL, "done", "repaired", 7],
    ])
    expect(JSON.parse(told.audit("list", "-n", "1", "--json").stdout)).toEqual([logs[0]!])
    const { stdout, exit_code } = told.audit("list")
    expect(exit_code).toBe(0)
    for (const word of [TRIAL, DIED, "kv-1a2b", "kv-1f00", "repaired"]) expect(stdout).toContain(word)
  })
})

describe("audit show", () => {
  test.each([
    ["a trial's id", () => TRIAL],
    ["a lab's id", () => "kv-1a2b"],
    ["the beginning of one", () => "kv-1a"],
    ["a ticket's id", () => told.ticket],
  ])("tells the whole log for %s", (_, id) => {
    const found = story(id())
    expect(kinds(found)).toEqual(WHOLE)
    expect(found).toMatchObject({
      lab: { id: "kv-1a2b" },
      trial: { id: TRIAL },
      verdict: "repaired",
      chain: { intact: true },
    })
  })

  test("tells of a session what belongs to it, and nothing else", () => {
    const found = story(SESSION)
    expect(kinds(found)).toEqual(["session.claimed", "command", "session.ended"])
    expect(found.trial?.id).toBe(TRIAL)
  })

  test("tells of an attempt without a lab why it has none; it is the last one here", () => {
    for (const id of [DIED, "last"]) {
      expect(story(id)).toMatchObject({
        lab: null,
        trial: { id: DIED, stage: "error", reason: "its process died before it had a lab" },
        events: [],
      })
    }
    const { stdout, exit_code } = told.audit("show", "last")
    expect(stdout).toContain("no lab; error: its process died before it had a lab")
    expect(exit_code).toBe(0)
  })

  test("tells it to people: who, what, why, and the verdict", () => {
    const { stdout, stderr, exit_code } = told.audit("show", TRIAL)
    expect({ stderr, exit_code }).toEqual({ stderr: "", exit_code: 0 })
    expect(stdout).toStartWith(
      `kv · node_kill at one · nobody\ntrial ${TRIAL}, repetition 1, attempt 1, seed 1\nlab kv-1a2b, starting\n`,
    )
    expect(stdout).toContain("verdict repaired: it holds\n")
    expect(stdout).toMatch(/^ {2}\+0\.000 s {2}command 1 {3}it does not answer\n {24}\$ restart a$/m)
  })

  test("asks which one is meant when two begin the same way, and says when none does", () => {
    expect(told.audit("show", "kv-1")).toEqual({
      stdout: "",
      stderr: 'operator: "kv-1" may be any of 2 ids: kv-1a2b, kv-1f00\n  → write more of it\n',
      exit_code: 2,
    })
    const none = told.audit("show", "kv-2a2b")
    expect(none).toMatchObject({ stdout: "", exit_code: 2 })
    expect(none.stderr).toStartWith('operator: no id "kv-2a2b" (did you mean "kv-1a2b"?)\n  → ')
    expect(told.audit("show", "").exit_code).toBe(2)
  })
})
