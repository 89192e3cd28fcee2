import { Database } from "bun:sqlite"
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Story } from "../src/audit/story.ts"
import { SESSION, type ToldStore, toldStore } from "./support/told-store.ts"

/** Each test starts processes, and the machine may have other things to do. */
setDefaultTimeout(60_000)

let told: ToldStore
beforeEach(() => {
  told = toldStore()
})
afterEach(() => told[Symbol.dispose]())

describe("a log that was altered", () => {
  function tamper(statement: string): void {
    using raw = new Database(told.file)
    raw.run("drop trigger events_are_not_updated; drop trigger events_are_not_deleted")
    expect(raw.run(statement).changes).toBe(1)
  }

  test("is told all the same, loudly, from where on it proves nothing, and ends with 3", () => {
    tamper(`update events set body = replace(body, 'restart a', 'rm -rf a') where kind = 'command'`)
    const { stdout, stderr, exit_code } = told.audit("show", "kv-1a")
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
      const { stdout, exit_code } = told.audit("show", id, "--json")
      expect(exit_code).toBe(3)
      expect((JSON.parse(stdout) as Story).chain).toEqual({ intact: false, seq: 3, reason: "an event is missing" })
    }
    expect(told.audit("show", "kv-1f").exit_code).toBe(0)
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
    const { stdout, stderr, exit_code } = told.audit("show", "kv-1a2b")
    expect(exit_code).toBe(3)
    expect(stderr).not.toContain("TypeError")
    expect(stdout).toContain("unreadable")
    expect(stdout).toContain(shown)
    expect(stdout).toContain("it does not answer")
  })
})
