import { afterEach, beforeEach, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { endCampaign, getCampaign } from "../store/campaigns.ts"
import { openStore, type Store } from "../store/open.ts"
import { openCampaign } from "./identity.ts"

let dir: string
let store: Store
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "operator-test-"))
  store = openStore(join(dir, "operator.db"))
})
afterEach(() => {
  store.close()
  rmSync(dir, { recursive: true })
})

const matrix = (hash: string) => ({ name: "c", hash, trials: [] })
const runnerDies = (id: string) => store.db.query("update campaigns set runner_pid = 999999999 where id = ?").run(id)

test("an unfinished campaign goes on, a finished one begins anew", () => {
  const first = openCampaign(store, matrix("a"), "same")
  runnerDies(first.id)
  expect(openCampaign(store, matrix("a"), "same")).toMatchObject({ id: first.id, continued: true })
  endCampaign(store, first.id)
  const second = openCampaign(store, matrix("a"), "same")
  expect(second.continued).toBe(false)
  expect(second.id).not.toBe(first.id)
})

test("one that was changed and is not finished asks which of the two is meant", () => {
  const first = openCampaign(store, matrix("a"), "same")
  runnerDies(first.id)
  expect(() => openCampaign(store, matrix("b"), "same")).toThrow("was changed since it was begun")
  expect(openCampaign(store, matrix("b"), "continue")).toMatchObject({ id: first.id, continued: true })
  runnerDies(first.id)
  expect(openCampaign(store, matrix("b"), "new").id).not.toBe(first.id)
})

test("one that is running is refused, with the process and the store", () => {
  openCampaign(store, matrix("a"), "same")
  expect(() => openCampaign(store, matrix("a"), "same")).toThrow(
    `is running: process ${process.pid}, store ${store.file}`,
  )
  expect(() => openCampaign(store, matrix("a"), "new")).not.toThrow()
})

test("what was typed as flags goes on only when it is the same in everything", () => {
  const first = openCampaign(store, matrix("a"), "exact")
  runnerDies(first.id)
  const other = openCampaign(store, matrix("b"), "exact")
  expect(other).toMatchObject({ continued: false })
  expect(openCampaign(store, matrix("a"), "exact")).toMatchObject({ id: first.id, continued: true })
})

test("a limit of dollars changes nothing of what the campaign is: it goes on with the new one, or without a word with the old", () => {
  const limit = (id: string) => getCampaign(store, id)?.limit_usd
  const { id } = openCampaign(store, matrix("a"), "same", 5)
  expect(limit(id)).toBe(5)
  runnerDies(id)
  expect(openCampaign(store, matrix("a"), "same", 8)).toMatchObject({ id, continued: true })
  expect(limit(id)).toBe(8)
  expect(() => openCampaign(store, matrix("a"), "same", 99)).toThrow("is running")
  expect(limit(id)).toBe(8)
  runnerDies(id)
  expect(openCampaign(store, matrix("a"), "exact")).toMatchObject({ id, continued: true })
  expect(limit(id)).toBe(8)
  expect(limit(openCampaign(store, matrix("b"), "new").id)).toBeNull()
})
