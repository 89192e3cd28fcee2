import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { inject } from "../src/chaos/inject.ts"
import { chainOf } from "../src/chaos/network/rules.ts"
import { handleOf } from "../src/chaos/network/shape.ts"
import { presenceOf, revert } from "../src/chaos/revert.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { UsageError } from "../src/lib/errors.ts"
import { events } from "../src/store/events.ts"
import type { Injection } from "../src/store/injections.ts"
import type { Store } from "../src/store/open.ts"
import { addressOf, beside, roundTrip, talk } from "./support/beside.ts"
import { dockerTest, IMAGE, type StoredTinyLab, storedTinyLab } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"

/** Three nodes of one group, and one that has no network. */
const LAB = `name: tiny
services:
  a: &node { image: ${IMAGE}, init: true, command: [sleep, "600"] }
  b: *node
  c: *node
  alone: { <<: *node, network_mode: none }
x-operator:
  groups: { trio: [a, b, c] }
  faults: { latency: &trio { group: trio }, bandwidth: *trio, connection_reset: *trio, dns_failure: *trio, packet_loss: *trio }
`
const TIMEOUT_MS = 90_000
const SOON = { timeout_ms: 20_000, every_ms: 50 }

let tiny: StoredTinyLab
let store: Store
let id: string

beforeAll(async () => {
  if (WITHOUT_ENGINE) return
  tiny = await storedTinyLab(LAB)
  store = tiny.store
  id = tiny.lab.id
}, TIMEOUT_MS)

afterAll(async () => {
  await tiny?.[Symbol.asyncDispose]()
}, TIMEOUT_MS)

const break_ = (fault: string, params: Record<string, unknown> = {}, target = "a") =>
  inject(store, tiny.lab, { fault, target, params, seed: 1 })
const undo = (injection: Injection) => revert(store, tiny.lab, injection)
const evidenceOf = ({ id: injection }: Injection) =>
  events(store, id, { kinds: ["injection.confirmed"] }).find(({ body }) => body.injection === injection)!.body.evidence
/** Less late than any latency here would make it, once the machine has time. */
const isQuick = (from: string, to: string) =>
  waitUntil(async () => ((await roundTrip(id, from, to)) ?? Infinity) < 90, SOON)
/** Whatever a fault could have left in a node's network. */
const changes = (service: string) =>
  beside(id, service, "iptables-save | grep -E '^(-A|:N)'; tc qdisc show dev eth0; true")

describe("latency", () => {
  dockerTest(
    "makes round trips longer by what was asked for, on connections that are open already, too, and to nobody else",
    async () => {
      const before = await changes("a")
      // While it is open, helpers stay, and with them what talks there.
      const other = await break_("dns_failure", { mode: "refused" }, "c")
      const open = await talk(id, "b", "a")
      const injection = await break_("latency", { delay_ms: 300 })
      expect(injection.confirmation).toBe("confirmed")
      expect(evidenceOf(injection)).toMatch(/ by netem| by a queue;/)

      // The machine may be late by itself, and never early.
      expect(await roundTrip(id, "b", "a")).toBeWithin(295, 600)
      expect(await roundTrip(id, "a", "c")).toBeWithin(295, 600)
      expect(await isQuick("b", "c")).toBe(true)
      const late = async () => (await open.heard()).slice(-2).every((time) => Number(time) >= 295)
      expect(await waitUntil(late, SOON)).toBe(true)

      expect(await undo(injection)).toBe("reverted")
      expect(await undo(injection)).toBe("reverted")
      expect(await changes("a")).toBe(before)
      expect(await isQuick("b", "a")).toBe(true)
      expect(await waitUntil(async () => Number((await open.heard()).at(-1)) < 100, SOON)).toBe(true)
      expect(await undo(other)).toBe("reverted")
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "is drawn from a range, lasts while another fault comes and goes, and is gone once somebody has removed its rules",
    async () => {
      const range = await break_("latency", { min_ms: 100, max_ms: 200, peers: "b" })
      expect(range.plan).toMatchObject({ changes: [{ low_ms: 100, high_ms: 200, to: [await addressOf(id, "b")] }] })
      expect(await undo(await break_("dns_failure", { mode: "refused" }))).toBe("reverted")
      expect(await roundTrip(id, "b", "a")).toBeWithin(95, 500)
      expect(await isQuick("c", "a")).toBe(true)

      await beside(id, "a", "iptables -t mangle -F; tc qdisc del dev eth0 root 2>/dev/null; true")
      expect(await presenceOf(tiny.lab, range)).toBe("gone")
      expect(await isQuick("b", "a")).toBe(true)
      expect(await undo(range)).toBe("reverted")
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "of a queue whose program was killed is still there, since packets are dropped, and goes with its revert",
    async () => {
      const injection = await break_("latency", { delay_ms: 50 })
      if (/ by netem/.test(evidenceOf(injection))) return void (await undo(injection))
      await beside(id, "a", `kill -KILL "$(cat /run/${chainOf(injection.id)}.pid)"`)
      expect(await presenceOf(tiny.lab, injection)).toBe("active")
      expect(await roundTrip(id, "b", "a")).toBeNull()
      expect(await undo(injection)).toBe("reverted")
      expect(await isQuick("b", "a")).toBe(true)
    },
    TIMEOUT_MS,
  )
})

describe("a narrow way", () => {
  dockerTest(
    "makes large messages to a peer wait, and others not",
    async () => {
      const before = await changes("a")
      const injection = await break_("bandwidth", { rate_kbit: 64 })
      expect(injection.confirmation).toBe("confirmed")
      expect(await undo(injection)).toBe("reverted")
      expect(await undo(injection)).toBe("reverted")
      expect(await changes("a")).toBe(before)
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "is refused at an interface that somebody has shaped already, whose shape stays",
    async () => {
      await beside(id, "a", "tc qdisc add dev eth0 root handle 7: tbf rate 1gbit burst 1mb latency 50ms")
      const before = await changes("a")
      expect(before).toContain("qdisc tbf 7:")
      await expect(break_("bandwidth")).rejects.toThrow("eth0 has a queueing discipline already")
      await undo(await break_("packet_loss", { percent: 90 }))
      expect(await changes("a")).toBe(before)
      await beside(id, "a", "tc qdisc del dev eth0 root")
    },
    TIMEOUT_MS,
  )

  test("has a handle that nobody else would choose", () => {
    const handles = Array.from({ length: 500 }, (_, index) => Number.parseInt(handleOf(`i-${index}`), 16))
    expect(Math.min(...handles)).toBeGreaterThanOrEqual(0x1000)
    expect(Math.max(...handles)).toBeLessThan(0x7000)
  })
})

dockerTest(
  "connections are reset, those that are open as those that are tried, and only those of the node",
  async () => {
    const [open, elsewhere] = [await talk(id, "b", "a"), await talk(id, "c", "b")]
    const injection = await break_("connection_reset")
    expect(injection.confirmation).toBe("confirmed")
    expect(await waitUntil(async () => (await open.heard()).at(-1) === "ConnectionResetError", SOON)).toBe(true)
    const heard = (await elsewhere.heard()).length
    expect(await waitUntil(async () => (await elsewhere.heard()).length > heard, SOON)).toBe(true)
    expect(Number((await elsewhere.heard()).at(-1))).toBeGreaterThan(0)
    expect(await undo(injection)).toBe("reverted")
    expect(await changes("a")).not.toContain(chainOf(injection.id))
    const again = await talk(id, "b", "a")
    expect(await waitUntil(async () => (await again.heard()).length > 1, SOON)).toBe(true)
  },
  TIMEOUT_MS,
)

describe("without names", () => {
  const lookup = "dig @127.0.0.11 +tries=1 +time=1 +short b A"

  dockerTest(
    "a node has no answer, or a refusal at once, and its peers reach it as before",
    async () => {
      for (const [mode, said] of [
        ["timeout", "timed out"],
        ["refused", "refused"],
      ] as const) {
        const injection = await break_("dns_failure", { mode })
        expect(injection.confirmation).toBe("confirmed")
        expect(await beside(id, "a", `${lookup}; true`)).toContain(said)
        expect(await beside(id, "c", lookup)).toBe(await addressOf(id, "b"))
        expect(await isQuick("a", "b")).toBe(true)
        expect(await undo(injection)).toBe("reverted")
        expect(await beside(id, "a", lookup)).toBe(await addressOf(id, "b"))
      }
    },
    TIMEOUT_MS,
  )
})

dockerTest("a peer without an address is refused, and nothing is recorded", async () => {
  const refused = break_("latency", { peers: "alone" }).catch((error: unknown) => error)
  expect(await refused).toEqual(expect.any(UsageError))
  expect(String(await refused)).toContain("has no IPv4 address in the lab's network")
})
