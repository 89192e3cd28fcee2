import { expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { systemClock, waitUntil } from "../src/lib/clock.ts"
import type { Lab } from "../src/lab/lab.ts"
import type { ProcessLab } from "../src/lab/platforms/process.ts"
import { checkLedger, LOSS_SETTLES_MS } from "../src/lab/workload/check.ts"
import { runWorkload } from "../src/lab/workload/run.ts"
import { ledgerOf } from "../src/store/ledger.ts"
import type { Store } from "../src/store/open.ts"
import { kvLab, type KvOptions, nodeOf } from "./support/kv-lab.ts"

setDefaultTimeout(30_000)

const never = new AbortController().signal

/** A lab whose workload has run until `acked` writes were acknowledged. */
async function writtenLab(options: KvOptions, acked = 50) {
  const kv = await kvLab({ rate: 100, ...options })
  const end = new AbortController()
  const running = runWorkload(kv.store, kv.lab, { signal: end.signal })
  const enough = () => ackedIn(kv.store, kv.lab) >= acked
  expect(await waitUntil(enough, { timeout_ms: 10_000, every_ms: 20 })).toBe(true)
  end.abort()
  await running
  return kv
}

const ackedIn = (store: Store, lab: Lab) => Array.from(ledgerOf(store, lab.id)).length

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; took_ms: number }> {
  const start_ms = systemClock.mono_ms()
  return { value: await work(), took_ms: systemClock.mono_ms() - start_ms }
}

/** Kills a node and waits until it is seen dead. */
async function kill(lab: ProcessLab, name: string): Promise<void> {
  await lab.signal(nodeOf(lab, name), "kill")
  expect(await waitUntil(() => nodeOf(lab, name).state === "exited", { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
}

test.concurrent("when every acknowledged write is read, the ledger is intact, and the check ends early", async () => {
  await using kv = await writtenLab({ nodes: ["kv-a", "kv-b"] })
  const { value, took_ms } = await timed(() => checkLedger(kv.store, kv.lab, { timeout_ms: 20_000, signal: never }))
  const acked = ackedIn(kv.store, kv.lab)
  expect(value).toEqual({ result: "intact", acked, lost: 0, wrong: 0, unread: 0, examples: [] })
  expect(took_ms).toBeLessThan(5_000)
})

test.concurrent("a write that was acknowledged and is not there is lost", async () => {
  await using kv = await writtenLab({ flags: "--lose-every 5" })
  const { value, took_ms } = await timed(() => checkLedger(kv.store, kv.lab, { timeout_ms: 20_000, signal: never }))
  const there = readFileSync(join(kv.lab.dir, "store", "kv"), "utf8")
    .trim()
    .split("\n").length
  const acked = ackedIn(kv.store, kv.lab)
  expect(value).toMatchObject({ result: "lost", acked, lost: acked - there, wrong: 0, unread: 0 })
  expect(value.lost).toBeGreaterThanOrEqual(10)
  expect(value.examples).toHaveLength(10)
  expect(value.examples[0]).toContain(": lost, 404")
  expect(took_ms).toBeWithin(LOSS_SETTLES_MS, LOSS_SETTLES_MS + 5_000)
})

test.concurrent("a write that reads as something else is wrong", async () => {
  await using kv = await writtenLab({ flags: "--garble-every 10" })
  const value = await checkLedger(kv.store, kv.lab, { timeout_ms: 20_000, signal: never })
  expect(value).toMatchObject({ result: "lost", lost: 0, wrong: Math.floor(value.acked / 10), unread: 0 })
  expect(value.wrong).toBeGreaterThanOrEqual(5)
  expect(value.examples[0]).toContain(": wrong, 200")
})

test.concurrent("without a living node nothing is read, and nothing is said to be lost", async () => {
  await using kv = await writtenLab({})
  await kill(kv.lab, "kv-a")
  const { value, took_ms } = await timed(() => checkLedger(kv.store, kv.lab, { timeout_ms: 800, signal: never }))
  expect(value).toMatchObject({ result: "unreadable", lost: 0, wrong: 0, unread: value.acked })
  expect(took_ms).toBeWithin(800, 3_000)
})

test.concurrent("a node that hangs leaves its keys unread at the deadline", async () => {
  await using kv = await writtenLab({})
  await kv.lab.signal(nodeOf(kv.lab, "kv-a"), "pause")
  const { value, took_ms } = await timed(() => checkLedger(kv.store, kv.lab, { timeout_ms: 1_200, signal: never }))
  expect(value).toMatchObject({ result: "unreadable", unread: value.acked })
  expect(took_ms).toBeWithin(1_200, 3_000)
})

test.concurrent("a node that is too slow for the subject's time-out leaves keys unread", async () => {
  await using kv = await writtenLab({ flags: "--delay-ms 100" })
  const hasty = { ...kv.lab, subject: { ...kv.lab.subject, workload: { ...kv.lab.subject.workload!, timeout: 50 } } }
  const value = await checkLedger(kv.store, hasty, { timeout_ms: 1_000, signal: never })
  expect(value).toMatchObject({ result: "unreadable", unread: value.acked })
})

test.concurrent(
  "keys behind a node that comes back within the time are read after all, however long it was away",
  async () => {
    await using kv = await writtenLab({})
    await kill(kv.lab, "kv-a")
    const checking = checkLedger(kv.store, kv.lab, { timeout_ms: 20_000, signal: never })
    const back_ms = systemClock.mono_ms() + LOSS_SETTLES_MS + 500
    await waitUntil(() => systemClock.mono_ms() >= back_ms, { timeout_ms: 10_000, every_ms: 20 })
    await kv.lab.start("kv-a")
    expect((await checking).result).toBe("intact")
  },
)

test.concurrent("one dead node of two only means that the other is asked", async () => {
  await using kv = await writtenLab({ nodes: ["kv-a", "kv-b"] })
  await kill(kv.lab, "kv-b")
  expect((await checkLedger(kv.store, kv.lab, { timeout_ms: 20_000, signal: never })).result).toBe("intact")
})

test.concurrent("a write that is missing for a moment only is not lost", async () => {
  await using kv = await writtenLab({})
  await kill(kv.lab, "kv-a")
  const file = join(kv.lab.dir, "store", "kv")
  const content = readFileSync(file, "utf8")
  writeFileSync(file, "")
  await kv.lab.start("kv-a")
  let asked = 0
  const watched = { ...kv.lab, resolve: (url: string) => (asked++, kv.lab.resolve(url)) }
  const checking = checkLedger(kv.store, watched, { timeout_ms: 20_000, signal: never })
  expect(await waitUntil(() => asked > ackedIn(kv.store, kv.lab), { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
  writeFileSync(file, content)
  expect((await checking).result).toBe("intact")
})

test.concurrent("an abort ends the check with the rest unread", async () => {
  await using kv = await writtenLab({})
  await kill(kv.lab, "kv-a")
  const end = new AbortController()
  const checking = timed(() => checkLedger(kv.store, kv.lab, { timeout_ms: 20_000, signal: end.signal }))
  end.abort()
  expect((await checking).value.result).toBe("unreadable")
  expect((await checking).took_ms).toBeLessThan(5_000)
})

test.concurrent("where nothing can be read back, or nothing was acknowledged, nothing is measured", async () => {
  await using writeOnly = await kvLab({ writeOnly: true })
  await using idle = await kvLab()
  for (const kv of [writeOnly, idle]) {
    const value = await checkLedger(kv.store, kv.lab, { timeout_ms: 1_000, signal: never })
    expect(value).toEqual({ result: "not_measured", acked: 0, lost: 0, wrong: 0, unread: 0, examples: [] })
  }
})
