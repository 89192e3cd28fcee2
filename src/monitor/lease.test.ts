import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { nodeOf } from "../../test/support/kv-lab.ts"
import { watchedLab } from "../../test/support/watched-lab.ts"
import { HEALTH, holding, observations, seen, watching } from "../../test/support/watching.ts"
import { UsageError } from "../lib/errors.ts"
import { bootId, identify } from "../lib/process.ts"
import { events } from "../store/events.ts"
import { getLab, markDestroyed } from "../store/labs.ts"
import { listTickets, openTicket } from "../store/tickets.ts"
import { holdsSince } from "./holds.ts"
import { HEARTBEAT_FRESH_MS } from "./lease.ts"
import { startMonitor } from "./watch.ts"

setDefaultTimeout(30_000)

describe("one lab", () => {
  test("has one monitor: a second one is refused until the first has stopped", async () => {
    await using lab = await watching()
    await expect(startMonitor(lab.store, lab.lab)).rejects.toThrow(UsageError)
    await expect(startMonitor(lab.store, lab.lab)).rejects.toThrow(`${lab.lab.id} has a monitor already`)
    await holding(lab)
    await lab.monitor.stop()
    const second = await startMonitor(lab.store, lab.lab, { interval_ms: 50 })
    expect(second.holdsSince()).toBeUndefined()
    await seen(() => second.holdsSince() !== undefined)
    await second.stop()
  })

  test("is taken over from a monitor that is not heard of, whose open tickets the new one resolves", async () => {
    await using base = await watchedLab({ invariants: [HEALTH] })
    const { store, lab } = base
    const about = { lab: lab.id, invariant: "health", node: "a", kind: "violated" } as const
    const id = openTicket(store, { ...about, role: "gate", severity: "critical", observation: null })
    const [holds_ms, seen_ms] = [1, store.clock.mono_ms() - HEARTBEAT_FRESH_MS - 100]
    store.db
      .query("update labs set monitor = '1-dead', holds_since_ms = ?, monitor_seen_ms = ? where id = ?")
      .run(holds_ms, seen_ms, lab.id)
    const monitor = await startMonitor(store, lab, { interval_ms: 50 })
    expect(holdsSince(store, lab.id)).toBeUndefined()
    await seen(() => listTickets(store).find((ticket) => ticket.id === id)?.state === "resolved")
    await monitor.stop()
  })

  test("is taken over at once from a monitor whose process has died", async () => {
    await using base = await watchedLab({ invariants: [HEALTH] })
    const { store, lab } = base
    await using dying = Bun.spawn(["sleep", "600"])
    const holds = { ...identify(dying.pid)!, boot: bootId(), nonce: "0" }
    const beat = "update labs set monitor = ?, monitor_seen_ms = ? where id = ?"
    store.db.query(beat).run(JSON.stringify(holds), store.clock.mono_ms() + 1_000, lab.id)
    await expect(startMonitor(store, lab)).rejects.toThrow(`(process ${dying.pid})`)
    dying.kill("SIGKILL")
    await dying.exited
    store.db.query(beat).run(JSON.stringify(holds), store.clock.mono_ms() + 1_000, lab.id)
    const monitor = await startMonitor(store, lab, { interval_ms: 50 })
    await monitor.stop()
  })

  test("hears no more of a monitor that was replaced: that one ends with an error", async () => {
    await using lab = await watching()
    await holding(lab)
    const ended = lab.monitor.ended.catch((error: Error) => error.message)
    lab.store.db.query("update labs set monitor = '2-other' where id = ?").run(lab.lab.id)
    lab.answers("a", { body: { ok: false } })
    expect(await ended).toContain("another monitor has taken")
    await lab.monitor.stop()
    expect(lab.tickets("health")).toEqual([])
    expect(getLab(lab.store, lab.lab.id)!.monitor).toBe("2-other")
  })

  test("that is destroyed is watched no longer", async () => {
    await using lab = await watching()
    await holding(lab)
    markDestroyed(lab.store, lab.lab.id, "test", "over", 0)
    await lab.monitor.ended
    expect(events(lab.store, lab.lab.id).at(-1)?.kind).toBe("monitor.stopped")
    await expect(startMonitor(lab.store, lab.lab)).rejects.toThrow(`there is no lab ${lab.lab.id}`)
  })
})

describe("a monitor that is stopped", () => {
  test("ends its probes at once and writes nothing more", async () => {
    await using lab = await watching({ invariants: [HEALTH, { name: "slow", probe: { exec: "sleep 30; echo {}" } }] })
    await seen(() => observations(lab, "health", "b").length === 1)
    const start_ms = performance.now()
    await lab.monitor.stop()
    await lab.monitor.ended
    expect(performance.now() - start_ms).toBeLessThan(15_000)
    const { length } = events(lab.store, lab.lab.id)
    expect(events(lab.store, lab.lab.id).at(-1)?.kind).toBe("monitor.stopped")
    const { promise: told, resolve } = Promise.withResolvers<unknown>()
    const unwatch = lab.lab.watchNodes(resolve)
    await lab.lab.signal(nodeOf(lab.lab, "a"), "kill")
    await told
    unwatch()
    expect(events(lab.store, lab.lab.id)).toHaveLength(length)
  })

  test("leaves no timer behind: its process has nothing left to do", async () => {
    await using base = await watchedLab({ invariants: [HEALTH] })
    const fixture = join(import.meta.dir, "..", "..", "test", "fixtures", "watched", "monitor.ts")
    const command = [process.execPath, fixture, base.store.file, base.lab.id]
    const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" })
    try {
      await seen(() => holdsSince(base.store, base.lab.id) !== undefined)
      await child.stdin.end()
      await seen(() => child.exitCode === 0)
      expect(await new Response(child.stdout).text()).toBe("watching\nstopped\n")
    } finally {
      child.kill("SIGKILL")
    }
  })
})
