import { Database } from "bun:sqlite"
import { afterEach, beforeEach, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { events, firstBreak } from "./events.ts"
import { SCHEMA_VERSION } from "./migrate.ts"
import first from "./migrations/0001.sql" with { type: "text" }
import { getLab } from "./labs.ts"
import { openStore, openStoreReadOnly, storeSchema } from "./open.ts"
import { claimLab, endSession, sessionsOf } from "./sessions.ts"
import { getTrial } from "./trials.ts"

let dir: string
let file: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "migrate-"))
  file = join(dir, "operator.db")
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const AT = "2026-01-28T12:00:00.000Z"

/** A store as the first operator left it, with a campaign, a trial of it, its lab and two sessions. */
function storeOfSchema1(): void {
  using db = new Database(file, { create: true })
  db.run(`pragma application_id = ${0x4f504552}; pragma journal_mode = wal; pragma foreign_keys = on`)
  db.run(first)
  db.run("pragma user_version = 1")
  db.run(`insert into texts values ('h', 'subject', 'kv.yaml', 'name: kv')`)
  db.run(`insert into campaigns (id, name, matrix_hash, matrix, created_at) values ('c', 'c', '0', '[{}]', '${AT}')`)
  db.run(`insert into trials (id, campaign, subject, fault, target, params, variant, repetition, attempt, seed, limits,
      subject_text, variant_text, environment, stage, created_at)
    values ('t', 'c', 'kv', 'none', 'one', '{}', 'v', 1, 1, 1, '{}', 'h', 'h', '{}', 'settling', '${AT}')`)
  db.run(`insert into labs (id, subject, subject_text, platform, dir, trial, state, owner_boot, owner_pid, owner_started,
      created_at, deadline_at, fence, attempts) values ('kv-1', 'kv', 'h', 'process', '/nowhere', 't', 'up', 'b', 1, 's', '${AT}', '${AT}', 2, 2)`)
  db.run(`insert into sessions (id, lab, variant, model, fence, attempt, steps, cost_usd, outcome, verified, started_at, ended_at)
    values ('s-2', 'kv-1', 'v', 'm', 1, 1, 3, 0.25, '{"kind":"claims_done"}', 1, '${AT}', '${AT}')`)
  db.run(
    `insert into sessions (id, lab, variant, model, fence, attempt, started_at) values ('s-1', 'kv-1', 'v', 'm', 2, 2, '${AT}')`,
  )
}

test("a store of schema 1 is brought up to date, and keeps its rows in their order", () => {
  storeOfSchema1()
  expect(storeSchema(file)).toBe(1)
  expect(() => openStoreReadOnly(file)).toThrow("was written by an older operator (schema 1)")
  const store = openStore(file)
  expect(storeSchema(file)).toBe(SCHEMA_VERSION)
  const common = { lab: "kv-1", variant: "v", model: "m", started_at: AT }
  const ended = { steps: 3, cost_usd: 0.25, outcome: { kind: "claims_done" as const }, verified: 1, ended_at: AT }
  expect(sessionsOf(store, "kv-1")).toEqual([
    { ...common, id: "s-2", fence: 1, attempt: 1, ...ended },
    {
      ...common,
      id: "s-1",
      fence: 2,
      attempt: 2,
      steps: 0,
      cost_usd: 0,
      outcome: null,
      verified: null,
      ended_at: null,
    },
  ])
  expect(store.db.query("select id from sessions order by rowid").values()).toEqual([["s-2"], ["s-1"]])
  expect(getTrial(store, "t")).toMatchObject({ lab: null, prompt_text: null, prices_text: null, stage: "settling" })
  expect(store.db.query("select limit_usd from campaigns").values()).toEqual([[null]])
  expect(getLab(store, "kv-1")).toMatchObject({ adopted: null })
  expect(store.db.query("pragma foreign_key_check").all()).toEqual([])
  store.close()
})

test("a store that was brought up to date takes sessions of which the cost is not known", () => {
  storeOfSchema1()
  const store = openStore(file)
  const lease = claimLab(store, {
    lab: "kv-1",
    session: "s-3",
    variant: "v",
    model: "m",
    lease_ms: 1,
    max_attempts: 9,
  })!
  endSession(store, lease, { outcome: { kind: "claims_done" }, steps: 1, cost_usd: null, report: null })
  expect(sessionsOf(store, "kv-1").map(({ id, cost_usd }) => [id, cost_usd])).toEqual([
    ["s-2", 0.25],
    // Nobody had ended it, and whoever claims the lab next does.
    ["s-1", null],
    ["s-3", null],
  ])
  expect(events(store, "kv-1", { kinds: ["session.ended"] }).at(-1)!.body.cost_usd).toBeNull()
  expect(firstBreak(store, "kv-1")).toBeUndefined()
  expect(() => store.db.run("update sessions set lab = 'no lab'")).toThrow("FOREIGN KEY")
  store.close()
})
