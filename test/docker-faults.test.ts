import { afterAll, beforeAll, describe, expect } from "bun:test"
import { inject } from "../src/chaos/inject.ts"
import { keepUp } from "../src/chaos/keep-up.ts"
import { neutralName } from "../src/chaos/neutral-name.ts"
import { chainOf } from "../src/chaos/network/rules.ts"
import { presenceOf, revert } from "../src/chaos/revert.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { containersOf, help, incarnation } from "../src/lab/platforms/docker/helper.ts"
import { events } from "../src/store/events.ts"
import { type Injection, injectionsOf } from "../src/store/injections.ts"
import type { Store } from "../src/store/open.ts"
import { dockerTest, IMAGE, type StoredTinyLab, storedTinyLab } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"

/** Three nodes of one group; the last comes back by itself. */
const TRIO = `name: tiny
services:
  a: &node { image: ${IMAGE}, init: true, command: [sleep, "600"] }
  b: *node
  c: { <<: *node, restart: always }
x-operator:
  groups: { trio: [a, b, c] }
  faults: { network_partition: { group: trio }, packet_loss: { group: trio }, process_hang: {}, node_crash: {} }
`
const TIMEOUT_MS = 90_000
const SOON = { timeout_ms: 20_000, every_ms: 50 }

let tiny: StoredTinyLab
let store: Store

beforeAll(async () => {
  if (WITHOUT_ENGINE) return
  tiny = await storedTinyLab(TRIO)
  store = tiny.store
}, TIMEOUT_MS)

afterAll(async () => {
  await tiny?.[Symbol.asyncDispose]()
}, TIMEOUT_MS)

const break_ = (fault: string, target: string, params: Record<string, unknown> = {}) =>
  inject(store, tiny.lab, { fault, target, params, seed: 1 })
const undo = (injection: Injection) => revert(store, tiny.lab, injection)
const evidenceOf = ({ id }: Injection) =>
  events(store, tiny.lab.id, { kinds: ["injection.confirmed"] }).find(({ body }) => body.injection === id)!.body
    .evidence

/** Whether one node has an answer from another, asked from beside it. */
async function reaches(from: string, to: string): Promise<boolean> {
  const found = await containersOf(tiny.lab.id)
  const of = (service: string) => found.find((one) => one.service === service)!
  const script = `ping -n -c 2 -i 0.1 -W 1 ${of(to).address}`
  const { exit_code } = await help(tiny.lab.id, incarnation(of(from)), script, { share: "network", timeout_ms: 10_000 })
  return exit_code === 0
}

describe("a partition", () => {
  dockerTest(
    "keeps a node and its peers apart, is felt on that way alone, and is gone with its revert",
    async () => {
      const injection = await break_("network_partition", "a")
      expect(injection.confirmation).toBe("confirmed")
      expect(evidenceOf(injection)).toMatch(
        /^[1-9]\d* packets met it at .*; on its way 4 of 4 lost; elsewhere none lost, /,
      )
      expect([await reaches("a", "b"), await reaches("c", "a"), await reaches("b", "c")]).toEqual([false, false, true])
      expect(await undo(injection)).toBe("reverted")
      expect(await undo(injection)).toBe("reverted")
      expect([await reaches("a", "b"), await reaches("c", "a")]).toEqual([true, true])
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "is there for as long as a direction is cut, and gone once somebody has emptied both",
    async () => {
      const injection = await break_("network_partition", "a")
      for (const [direction, left] of [
        ["I", "active"],
        ["O", "gone"],
      ] as const) {
        for (const found of await containersOf(tiny.lab.id)) {
          const script = `iptables -F ${chainOf(injection.id)}${direction}`
          const options = { share: "network", timeout_ms: 10_000 } as const
          expect(await help(tiny.lab.id, incarnation(found), script, options)).toMatchObject({ exit_code: 0 })
        }
        expect(await presenceOf(tiny.lab, injection)).toBe(left)
      }
      expect(await undo(injection)).toBe("reverted")
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "of a bridge leaves one node that sees both sides",
    async () => {
      const injection = await break_("network_partition", "b", { topology: "bridge" })
      expect([await reaches("a", "b"), await reaches("b", "c"), await reaches("a", "c")]).toEqual([true, true, false])
      expect(await undo(injection)).toBe("reverted")
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "is applied again, by a record of its own, to a node that was restarted",
    async () => {
      const options = { fault: "network_partition", target: "a", params: {}, seed: 1 }
      const first = await inject(store, tiny.lab, options)
      const kept = keepUp(store, tiny.lab, first, options)
      Bun.spawnSync(["docker", "restart", "-t", "0", `${tiny.lab.id}-a-1`])
      const again = () => kept.current().id !== first.id && phaseOf(first) === "reverted"
      expect(await waitUntil(again, SOON)).toBe(true)
      expect(await reaches("a", "b")).toBe(false)
      await kept.stop()
      // One beside each node as it is now; that of the life that is over has gone.
      const helpers = ["docker", "ps", "-q", "--filter", `label=lab=${tiny.lab.id}`, "--filter", "label=shares=network"]
      expect(Bun.spawnSync(helpers).stdout.toString().trim().split("\n")).toHaveLength(3)
      expect(await undo(kept.current())).toBe("reverted")
      expect(await reaches("a", "b")).toBe(true)
    },
    TIMEOUT_MS,
  )
})

dockerTest(
  "a partition that a restart is to end is void once its node comes back, and nothing of it is left elsewhere",
  async () => {
    const options = { fault: "network_partition", target: "a", params: {}, seed: 1 }
    const injection = await inject(store, tiny.lab, options)
    const kept = keepUp(store, tiny.lab, injection, options, "void")
    Bun.spawnSync(["docker", "restart", "-t", "0", `${tiny.lab.id}-b-1`])
    Bun.spawnSync(["docker", "restart", "-t", "0", `${tiny.lab.id}-a-1`])
    expect(await waitUntil(() => phaseOf(injection) === "void", SOON)).toBe(true)
    await kept.stop()
    expect(kept.current()).toMatchObject({ id: injection.id, phase: "void", reason: "its node was restarted" })
    expect([await reaches("a", "b"), await reaches("c", "a")]).toEqual([true, true])
  },
  TIMEOUT_MS,
)

dockerTest(
  "lost packets are a share of all, and are felt by a peer",
  async () => {
    const injection = await break_("packet_loss", "a", { percent: 60, peers: "b,c" })
    expect(injection.confirmation).toBe("confirmed")
    expect(await undo(injection)).toBe("reverted")
    expect(await reaches("b", "a")).toBe(true)
  },
  TIMEOUT_MS,
)

dockerTest(
  "a node that hangs runs for the engine, and does nothing until it is let go on",
  async () => {
    const injection = await break_("process_hang", "b")
    expect(injection.confirmation).toBe("confirmed")
    expect((await tiny.node("b")).state).toBe("running")
    expect(await undo(injection)).toBe("reverted")
  },
  TIMEOUT_MS,
)

dockerTest(
  "a node that crashes comes back by its restart policy, and stays down without one",
  async () => {
    const before = await tiny.node("c")
    const back = await break_("node_crash", "c")
    expect(back.confirmation).toBe("confirmed")
    expect(await waitUntil(async () => (await tiny.node("c")).state === "running", SOON)).toBe(true)
    expect((await tiny.node("c")).process!.started).not.toBe(before.process!.started)

    const down = await break_("node_crash", "b")
    expect(down.confirmation).toBe("confirmed")
    expect((await tiny.node("b")).state).toBe("exited")
    expect(await undo(down)).toBe("reverted")
    expect((await tiny.node("b")).state).toBe("running")
  },
  TIMEOUT_MS,
)

dockerTest(
  "a flood comes from a client that everybody in the lab sees, and is over once it is stopped or removed",
  async () => {
    const injection = await break_("burst_traffic", "a", { port: 9 })
    expect(injection.confirmation).toBe("confirmed")
    expect(evidenceOf(injection)).toMatch(/^[1-9]\d* packets a second from its client$/)
    const client = `${tiny.lab.id}-client-${neutralName(injection.id)}`
    const shown = () =>
      Bun.spawnSync(["docker", "ps", "-a", "--filter", `label=lab=${tiny.lab.id}`, "--format", "{{.Names}}"])
    expect(shown().stdout.toString().split("\n")).toContain(client)
    Bun.spawnSync(["docker", "kill", client])
    expect(await presenceOf(tiny.lab, injection)).toBe("gone")
    expect(await undo(injection)).toBe("reverted")
    expect(shown().stdout.toString()).not.toContain(client)
  },
  TIMEOUT_MS,
)

// internal

const phaseOf = ({ id }: Injection) => injectionsOf(store, tiny.lab.id).find((one) => one.id === id)!.phase
