import { Database } from "bun:sqlite"
import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Log } from "../src/audit/list.ts"
import type { Story } from "../src/audit/story.ts"
import { append } from "../src/store/events.ts"
import { addJudgement } from "../src/store/judgements.ts"
import type { EventKind } from "../src/store/kinds.ts"
import { openStore } from "../src/store/open.ts"
import { claimLab, endSession } from "../src/store/sessions.ts"
import { openTicket } from "../src/store/tickets.ts"
import { enterStage, failWithoutLab } from "../src/store/trials.ts"
import { fakeClock } from "./support/fake-clock.ts"
import { OPERATOR } from "./support/operator.ts"
import { recordCampaign, recordLab, recordTrial } from "./support/stored-lab.ts"

const TRIAL = "2026-01-28T12-00-00-aaaa0001"
const DIED = "2026-01-28T12-10-00-aaaa0002"
const SESSION = "2026-01-28T12-00-09-bbbb0001"

let dir: string
let file: string
let ticket: string

/** A store with a trial in the lab kv-1a2b, in which one session ran; a lab made by hand; and an attempt that died at once. */
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "audit-")))
  file = join(dir, "operator.db")
  const clock = fakeClock()
  const store = openStore(file, clock)
  recordCampaign(store, "c-1")
  recordTrial(store, "c-1", TRIAL)
  const lab = recordLab(store, "kv-1a2b", TRIAL)
  ticket = openTicket(store, {
    ...{ lab, invariant: "health", node: "a", kind: "violated", role: "gate", severity: "critical", observation: null },
  })
  const claim = { lab, session: SESSION, variant: "restart-bot", model: "runbook", lease_ms: 1_000, max_attempts: 1 }
  const lease = claimLab(store, claim)!
  const command = { step: 1, call: "c-1", command: "restart a", reasoning: "it does not answer" }
  append(store, lab, "command", command, { session: SESSION })
  endSession(store, lease, { outcome: { kind: "claims_done" }, steps: 1, cost_usd: 0, report: null })
  enterStage(store, TRIAL, lab, "done")
  addJudgement(store, { trial: TRIAL, judge_version: 1, facts: {}, verdict: "repaired", reasons: ["it holds"] })
  clock.advance(300_000)
  recordLab(store, "kv-1f00")
  clock.advance(300_000)
  recordTrial(store, "c-1", DIED)
  failWithoutLab(store, DIED, "its process died before it had a lab")
  store.close()
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

function audit(...words: string[]) {
  const env = { PATH: Bun.env.PATH ?? "", HOME: dir }
  const child = Bun.spawnSync([...OPERATOR, "audit", ...words, "--db", file], { env, cwd: dir })
  return { stdout: child.stdout.toString(), stderr: child.stderr.toString(), exit_code: child.exitCode }
}

function story(id: string): Story {
  const { stdout, stderr } = audit("show", id, "--json")
  expect(stderr).toBe("")
  return JSON.parse(stdout) as Story
}

const kinds = (told: Story) => told.events.map(({ kind }) => kind)
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
    const logs = JSON.parse(audit("list", "--json").stdout) as Log[]
    expect(logs.map(({ lab, trial, stage, verdict, events }) => [lab, trial, stage, verdict, events])).toEqual([
      [null, DIED, "error", null, 0],
      ["kv-1f00", null, null, null, 1],
      ["kv-1a2b", TRIAL, "done", "repaired", 7],
    ])
    expect(JSON.parse(audit("list", "-n", "1", "--json").stdout)).toEqual([logs[0]!])
    const { stdout, exit_code } = audit("list")
    expect(exit_code).toBe(0)
    for (const word of [TRIAL, DIED, "kv-1a2b", "kv-1f00", "repaired"]) expect(stdout).toContain(word)
  })
})

describe("audit show", () => {
  test.each([
    ["a trial's id", () => TRIAL],
    ["a lab's id", () => "kv-1a2b"],
    ["the beginning of one", () => "kv-1a"],
    ["a ticket's id", () => ticket],
  ])("tells the whole log for %s", (_, id) => {
    const told = story(id())
    expect(kinds(told)).toEqual(WHOLE)
    expect(told).toMatchObject({
      lab: { id: "kv-1a2b" },
      trial: { id: TRIAL },
      verdict: "repaired",
      chain: { intact: true },
    })
  })

  test("tells of a session what belongs to it, and nothing else", () => {
    const told = story(SESSION)
    expect(kinds(told)).toEqual(["session.claimed", "command", "session.ended"])
    expect(told.trial?.id).toBe(TRIAL)
  })

  test("tells of an attempt without a lab why it has none; it is the last one here", () => {
    for (const id of [DIED, "last"]) {
      expect(story(id)).toMatchObject({
        lab: null,
        trial: { id: DIED, stage: "error", reason: "its process died before it had a lab" },
        events: [],
      })
    }
    const { stdout, exit_code } = audit("show", "last")
    expect(stdout).toContain("no lab; error: its process died before it had a lab")
    expect(exit_code).toBe(0)
  })

  test("tells it to people: who, what, why, and the verdict", () => {
    const { stdout, stderr, exit_code } = audit("show", TRIAL)
    expect({ stderr, exit_code }).toEqual({ stderr: "", exit_code: 0 })
    expect(stdout).toStartWith(
      `kv · node_kill at one · nobody\ntrial ${TRIAL}, repetition 1, attempt 1, seed 1\nlab kv-1a2b, starting\n`,
    )
    expect(stdout).toContain("verdict repaired: it holds\n")
    expect(stdout).toMatch(/^ {2}\+0\.000 s {2}command 1 {3}it does not answer\n {24}\$ restart a$/m)
  })

  test("asks which one is meant when two begin the same way, and says when none does", () => {
    expect(audit("show", "kv-1")).toEqual({
      stdout: "",
      stderr: 'operator: "kv-1" may be any of 2 ids: kv-1a2b, kv-1f00\n  → write more of it\n',
      exit_code: 2,
    })
    const none = audit("show", "kv-2a2b")
    expect(none).toMatchObject({ stdout: "", exit_code: 2 })
    expect(none.stderr).toStartWith('operator: no id "kv-2a2b" (did you mean "kv-1a2b"?)\n  → ')
    expect(audit("show", "").exit_code).toBe(2)
  })
})

describe("a log that was altered", () => {
  function tamper(statement: string): void {
    using raw = new Database(file)
    raw.run("drop trigger events_are_not_updated; drop trigger events_are_not_deleted")
    expect(raw.run(statement).changes).toBe(1)
  }

  test("is told all the same, loudly, from where on it proves nothing, and ends with 3", () => {
    tamper(`update events set body = replace(body, 'restart a', 'rm -rf a') where kind = 'command'`)
    const { stdout, stderr, exit_code } = audit("show", "kv-1a")
    expect(exit_code).toBe(3)
    expect(stderr).toStartWith(
      "operator: the log of kv-1a2b was altered at event 5: it was altered\n  → only what stands before it",
    )
    expect(stdout).toContain("\nTHIS LOG WAS ALTERED at event 5: it was altered\n")
    const lines = stdout.split("\n")
    const mark = lines.findIndex((line) => line.startsWith("from here on nothing is proven: event 5"))
    expect(lines[mark - 1]).toContain("claims the lab")
    expect(lines[mark + 1]).toContain("command 1")
    expect(stdout).toContain("rm -rf a")
  })

  test("ends with 3 for programs, too, and for a session of it", () => {
    tamper("delete from events where seq = 3")
    for (const id of ["kv-1a2b", SESSION]) {
      const { stdout, exit_code } = audit("show", id, "--json")
      expect(exit_code).toBe(3)
      expect((JSON.parse(stdout) as Story).chain).toEqual({ intact: false, seq: 3, reason: "an event is missing" })
    }
    expect(audit("show", "kv-1f").exit_code).toBe(0)
  })

  test.each([
    [
      "a body that does not fit",
      "update events set body = '{\"odd\":[1]}' where kind = 'session.ended'",
      '{"odd":[1]}',
    ],
    ["a body that is no object", "update events set body = 'null' where seq = 1 and lab = 'kv-1a2b'", "null"],
    ["a kind that there is not", "update events set kind = 'invented' where seq = 1 and lab = 'kv-1a2b'", "invented"],
  ])("is shown as it is where it makes no sense: %s", (_, statement, shown) => {
    tamper(statement)
    const { stdout, stderr, exit_code } = audit("show", "kv-1a2b")
    expect(exit_code).toBe(3)
    expect(stderr).not.toContain("TypeError")
    expect(stdout).toContain("unreadable")
    expect(stdout).toContain(shown)
    expect(stdout).toContain("it does not answer")
  })
})
