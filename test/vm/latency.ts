import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inject } from "../../src/chaos/inject.ts"
import { revert } from "../../src/chaos/revert.ts"
import { events } from "../../src/store/events.ts"
import { openStore, type Store } from "../../src/store/open.ts"
import { beside, echoes } from "../support/beside.ts"
import { IMAGE, type TinyLab, tinyLab } from "../support/docker.ts"
import { recordLab } from "../support/stored-lab.ts"

const LAB = `name: tiny
services:
  a: &node { image: ${IMAGE}, init: true, command: [sleep, "600"] }
  b: *node
  c: *node
x-operator:
  groups: { trio: [a, b, c] }
  faults: { latency: { group: trio } }
`
const REQUESTS = 100
const TIMEOUT_MS = 300_000

let dir: string
let store: Store
let tiny: TinyLab

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "latency-"))
  store = openStore(join(dir, "operator.db"))
  tiny = await tinyLab(LAB)
  recordLab(store, tiny.lab.id)
}, TIMEOUT_MS)

afterAll(async () => {
  await tiny?.[Symbol.asyncDispose]()
  store?.close()
  rmSync(dir, { recursive: true, force: true })
}, TIMEOUT_MS)

/** What a quarter of many echoes do not exceed: the machine may be late by itself, and never early. */
async function echo(): Promise<number> {
  const times_ms = await echoes(tiny.lab.id, "b", "a", { requests: REQUESTS, every_s: 0.01 })
  expect(times_ms).toBeArrayOfSize(REQUESTS)
  return times_ms[REQUESTS >> 2]!
}

/** How long it takes while the fault is there, and once it has been reverted. */
async function felt(params: Record<string, number>, way: string) {
  const injection = await inject(store, tiny.lab, { fault: "latency", target: "a", params, seed: 1 })
  const [confirmed] = events(store, tiny.lab.id, { kinds: ["injection.confirmed"] }).slice(-1)
  expect(confirmed?.body).toMatchObject({ injection: injection.id, confirmation: "confirmed" })
  expect(confirmed?.body.evidence).toContain(` by ${way};`)
  const during_ms = await echo()
  expect(await revert(store, tiny.lab, injection)).toBe("reverted")
  const after_ms = await echo()
  console.log(`${JSON.stringify(params)} by ${way}: ${during_ms} ms, then ${after_ms} ms`)
  return { during_ms, after_ms }
}

test(
  "latency is felt as it was asked for, by netem as by a queue, and goes with its revert",
  async () => {
    const params = { delay_ms: 100, jitter_ms: 10 }
    const before_ms = await echo()
    const by_netem = await felt(params, "netem")
    // Whoever has shaped the interface keeps it, and netem has no place there.
    await beside(tiny.lab.id, "a", "tc qdisc add dev eth0 root handle 7: pfifo")
    const by_queue = await felt(params, "a queue")
    await beside(tiny.lab.id, "a", "tc qdisc del dev eth0 root")

    for (const { during_ms, after_ms } of [by_netem, by_queue]) {
      expect(during_ms - before_ms).toBeWithin(0.75 * params.delay_ms, 1.25 * params.delay_ms)
      expect(after_ms - before_ms).toBeLessThan(0.25 * params.delay_ms)
    }
    const ratio = (by_queue.during_ms - before_ms) / (by_netem.during_ms - before_ms)
    expect(ratio).toBeWithin(0.75, 1.25)
  },
  TIMEOUT_MS,
)
