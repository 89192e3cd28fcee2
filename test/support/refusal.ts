import { expect } from "bun:test"
import { openStoreReadOnly } from "../../src/store/open.ts"
import type { Home } from "./operator.ts"

/**
 * Runs a command that is to be refused and gives back what it says to people: with the right exit code, nothing on stdout,
 * no stack, and all that the store says happened as it was.
 */
export async function refusal(home: Home, words: readonly string[], exit_code = 2): Promise<string> {
  const before = records(home)
  const ended = await home.run(...words)
  expect(ended).toEqual({ exit_code, stdout: "", stderr: expect.stringMatching(/^operator: \S/) })
  expect(ended.stderr).not.toMatch(/^\s+at |--debug/m)
  expect(records(home)).toEqual(before)
  return ended.stderr.slice("operator: ".length)
}

export const CAMPAIGN = ["campaign", "--subject", "ratelimiter", "--fault", "node_kill", "--variant", "oracle"]

/** A campaign with one of its words changed, or one more flag. */
export function campaign(flag: string, value: string): string[] {
  const at = CAMPAIGN.indexOf(flag)
  return at === -1 ? [...CAMPAIGN, flag, value] : CAMPAIGN.with(at + 1, value)
}

// internal

/** Every row but the texts: those are kept before what refers to them, and mean nothing alone. */
function records(home: Home): unknown {
  const store = openStoreReadOnly(home.db)
  const named = "select name from sqlite_schema where type = 'table' and name <> 'texts'"
  const tables = store.db.query<{ name: string }, []>(named).all()
  const rows = tables.map(({ name }) => [name, store.db.query(`select * from ${name}`).all()])
  store.close()
  return rows
}
