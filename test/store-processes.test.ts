import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import { createCampaign } from "../src/store/campaigns.ts"
import { append, chainHead, events, firstBreak } from "../src/store/events.ts"
import { livingLabs } from "../src/store/labs.ts"
import { openStore, openStoreReadOnly } from "../src/store/open.ts"
import { sessionsOf } from "../src/store/sessions.ts"
import { campaignDollars } from "../src/store/spending.ts"
import { recordLab } from "./support/stored-lab.ts"
import { startWriter, together } from "./support/writers.ts"

/** Each test starts processes, and the machine may have other things to do. */
setDefaultTimeout(60_000)

const ALL_WELL = { exit_code: 0, stderr: "" }
const eight = Array.from({ length: 8 }, (_, n) => `p-${n}`)

let dir: string
let file: string

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "store-processes-")))
  file = join(dir, "operator.db")
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

function labInStore(): string {
  const store = openStore(file)
  const lab = recordLab(store, "kv-1")
  store.close()
  return lab
}

test("eight processes append to one log at once, and its chain holds", async () => {
  const lab = labInStore()
  const ended = await together(
    file,
    eight.map((name) => ["append", lab, name, "500"]),
  )
  for (const { exit_code, stderr } of ended) expect({ exit_code, stderr }).toEqual(ALL_WELL)
  const store = openStoreReadOnly(file)
  expect(firstBreak(store, lab)).toBeUndefined()
  expect(chainHead(store, lab).seq).toBe(1 + 8 * 500)
  const log = events(store, lab, { kinds: ["command"] })
  for (const [i, name] of eight.entries()) {
    const own = log.filter(({ session }) => session === name)
    expect(own.map(({ body }) => body.step)).toEqual(Array.from({ length: 500 }, (_, n) => n + 1))
    expect(own.map(({ seq }) => String(seq))).toEqual(ended[i]!.lines)
  }
  store.close()
})

test("whoever reads waits for one who has locked the store for a moment", async () => {
  const lab = labInStore()
  const script = `const db = new (require("bun:sqlite").Database)(${JSON.stringify(file)})
    db.run("pragma journal_mode = delete"); db.run("begin exclusive"); console.log("locked"); Bun.sleepSync(500); db.run("commit")`
  const holder = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" })
  await holder.stdout.getReader().read()
  const store = openStoreReadOnly(file)
  expect(livingLabs(store).map(({ id }) => id)).toEqual([lab])
  store.close()
  expect(await holder.exited).toBe(0)
})

test("eight processes create one store at once, in the same moment, and all of them find their work in it", async () => {
  for (let round = 1; round <= 5; round++) {
    const fresh = join(dir, `round-${round}`, "operator.db")
    const ended = await together(
      fresh,
      eight.map((name) => ["create", name]),
    )
    for (const { exit_code, stderr } of ended) expect({ round, exit_code, stderr }).toEqual({ round, ...ALL_WELL })
    const store = openStore(fresh)
    expect(
      livingLabs(store)
        .map(({ id }) => id)
        .sort(),
    ).toEqual(eight)
    for (const lab of eight) expect(firstBreak(store, lab)).toBeUndefined()
    store.close()
    expect(readdirSync(join(dir, `round-${round}`))).toEqual(["operator.db"])
  }
})

test("ten processes claim a lab at once, and exactly one gets it", async () => {
  const lab = labInStore()
  const names = Array.from({ length: 10 }, (_, n) => `s-${n}`)
  const ended = await together(
    file,
    names.map((name) => ["claim", lab, name]),
  )
  for (const { exit_code, stderr } of ended) expect({ exit_code, stderr }).toEqual(ALL_WELL)
  expect(ended.flatMap(({ lines }) => lines).sort()).toEqual(["1", ...Array(9).fill("none")])
  const store = openStoreReadOnly(file)
  expect(sessionsOf(store, lab)).toHaveLength(1)
  expect(events(store, lab, { kinds: ["session.claimed"] })).toHaveLength(1)
  store.close()
})

test("eight processes set dollars of one campaign aside at once, and never more than its limit", async () => {
  const lab = labInStore()
  const store = openStore(file)
  createCampaign(store, { id: "c", name: "c", matrix_hash: "0", matrix: "[]", limit_usd: 30 })
  const ended = await together(
    file,
    eight.map((name) => ["reserve", lab, name, "300"]),
  )
  for (const { exit_code, stderr } of ended) expect({ exit_code, stderr }).toEqual(ALL_WELL)
  const said = ended.flatMap(({ lines }) => lines)
  expect(said).toHaveLength(8 * 300)
  expect(said).toContain("over")
  expect(Math.max(...said.filter((line) => line !== "over").map(Number))).toBeLessThanOrEqual(30 + 1e-9)
  const { spent_usd, reserved_usd } = campaignDollars(store, "c")
  expect(spent_usd + reserved_usd).toBeLessThanOrEqual(30 + 1e-9)
  // What is left is less than the largest of what was asked for.
  expect(spent_usd + reserved_usd).toBeGreaterThan(30 - 0.05)
  // Not one after the other: several had a part of it.
  expect(store.db.query("select distinct session from spending").all().length).toBeGreaterThan(1)
  store.close()
})

test("kill -9 in the midst of appending loses nothing that was acknowledged, and breaks nothing", async () => {
  const lab = labInStore()
  let acknowledged = 1
  for (const after of [1, 50, 200, 400]) {
    const writer = await startWriter(file, "append", lab, `until-${after}`, "1000000")
    writer.go()
    expect(await waitUntil(() => writer.lines.length >= after, { timeout_ms: 10_000, every_ms: 1 })).toBe(true)
    writer.kill()
    expect(await writer.ended).toMatchObject({ exit_code: 137 })
    acknowledged = Number(writer.lines.at(-1))
    const store = openStore(file)
    expect(firstBreak(store, lab)).toBeUndefined()
    expect(chainHead(store, lab).seq).toBeGreaterThanOrEqual(acknowledged)
    store.close()
  }
  const store = openStore(file)
  expect(append(store, lab, "monitor.stopped", {}).seq).toBeGreaterThan(acknowledged)
  store.close()
})

test("a process that opens the store twice and closes one of them still has the other", async () => {
  const lab = labInStore()
  const first = openStore(file)
  append(first, lab, "monitor.stopped", {})
  openStore(file).close()
  openStoreReadOnly(file).close()
  // A file lock of `first` that got lost with the others would let this process take it for the last one, and end the log.
  const [other] = await together(file, [["append", lab, "other", "5"]])
  expect(other!.stderr).toBe("")
  const { seq } = append(first, lab, "monitor.stopped", {})
  first.close()
  const store = openStoreReadOnly(file)
  expect(chainHead(store, lab).seq).toBe(seq)
  expect(seq).toBe(8)
  expect(firstBreak(store, lab)).toBeUndefined()
  store.close()
})
