import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { nodeOf } from "../../test/support/kv-lab.ts"
import { HEALTH, holding, LOOK, observations, seen, watching } from "../../test/support/watching.ts"
import { events } from "../store/events.ts"
import { closeTicket, listTickets } from "../store/tickets.ts"

setDefaultTimeout(30_000)

describe("the monitor", () => {
  test("opens a ticket for what is violated, and resolves it when it has seen that it holds again", async () => {
    await using lab = await watching()
    await holding(lab)
    lab.answers("a", { body: { ok: false } })
    await seen(() => lab.tickets("health", "a")[0]?.state === "open")
    expect(lab.monitor.failing()).toEqual(["health a"])
    lab.answers("a", { body: { ok: true } })
    await seen(() => lab.tickets("health", "a")[0]?.state === "resolved")
    expect(lab.tickets("health")).toHaveLength(1)
    expect(observations(lab, "health", "a")).toEqual(["ok", "violated", "ok"])
    expect(observations(lab, "health", "b")).toEqual(["ok"])
  })

  test("has a ticket at a kill without waiting for its turn, and resolves it once the node runs again", async () => {
    await using lab = await watching({}, { interval_ms: 60_000 })
    await holding(lab)
    await lab.lab.signal(nodeOf(lab.lab, "a"), "kill")
    await seen(() => lab.tickets("node_running", "a").length === 1 && lab.tickets("health", "a").length === 1)
    expect(lab.monitor.holdsSince()).toBeUndefined()
    await lab.lab.start("a")
    await seen(() => lab.tickets("node_running", "a")[0]?.state === "resolved")
    const changes = events(lab.store, lab.lab.id, { kinds: ["node"] }).map(({ body }) => [body.node, body.state])
    expect(changes).toEqual([
      ["a", "exited"],
      ["a", "running"],
    ])
  })

  test("takes a node that is paused for one that does not run", async () => {
    await using lab = await watching({ invariants: [] })
    await holding(lab)
    await lab.lab.signal(nodeOf(lab.lab, "b"), "pause")
    await seen(() => lab.tickets("node_running", "b").length === 1)
    expect(lab.tickets("node_running", "b")[0]).toMatchObject({ observation: { reason: "the node is paused" } })
    await lab.lab.signal(nodeOf(lab.lab, "b"), "resume")
    await seen(() => lab.tickets("node_running", "b")[0]?.state === "resolved")
  })

  test("fails a gate at once, and opens its ticket when the violation has lasted for `for`", async () => {
    await using lab = await watching({ invariants: [{ ...HEALTH, for: "400ms" }] })
    await holding(lab)
    lab.answers("a", { body: { ok: false } })
    await seen(() => lab.monitor.holdsSince() === undefined)
    expect(lab.tickets("health")).toEqual([])
    await seen(() => lab.tickets("health").length === 1)
    const [violated] = events(lab.store, lab.lab.id, { kinds: ["observation"] }).filter(
      ({ body }) => body.status === "violated",
    )
    const waited_ms = lab.tickets("health")[0]!.opened_ms - violated!.mono_ms
    expect(waited_ms).toBeGreaterThanOrEqual(390)
  })

  test("that is blind neither opens nor resolves the violation's ticket, and opens one about itself", async () => {
    await using lab = await watching({ invariants: [LOOK] }, { unknown_after_ms: 400 })
    await holding(lab)
    lab.file("seen", '{"n": 3}')
    await seen(() => lab.tickets("look").length === 1)
    const blind = events(lab.store, lab.lab.id).length
    lab.file("seen", "")
    await seen(() => lab.tickets("look").length === 2)
    expect(events(lab.store, lab.lab.id, { after: blind }).map(({ kind }) => kind)).toEqual([
      "observation",
      "ticket.opened",
    ])
    expect(lab.tickets("look").map(({ kind, state }) => [kind, state])).toEqual([
      ["violated", "open"],
      ["unknown", "open"],
    ])
    lab.file("seen", '{"n": 2}')
    await seen(() => lab.tickets("look")[1]?.state === "resolved")
    expect(lab.tickets("look")[0]?.state).toBe("open")
    lab.file("seen", '{"n": 0}')
    await seen(() => lab.tickets("look")[0]?.state === "resolved")
    expect(observations(lab, "look", "lab")).toEqual(["ok", "violated", "unknown", "violated", "ok"])
  })

  test("is as patient with blindness as with a violation", async () => {
    const slow = { ...LOOK, name: "slow", role: "notice", for: "1s" }
    await using lab = await watching({ invariants: [LOOK, slow] }, { unknown_after_ms: 100 })
    lab.file("seen", "")
    await seen(() => lab.tickets("slow").length === 1)
    const opened = (invariant: string) => lab.tickets(invariant)[0]!.opened_ms
    expect(opened("slow") - opened("look")).toBeGreaterThan(500)
    expect(lab.tickets("slow")[0]).toMatchObject({ kind: "unknown" })
  })

  test("makes one ticket of an invariant that flaps", async () => {
    await using lab = await watching()
    await holding(lab)
    for (let flap = 1; flap <= 4; flap++) {
      lab.answers("a", { body: { ok: false } })
      await seen(() => lab.tickets("health")[0]?.occurrences === flap && lab.tickets("health")[0]?.state === "open")
      lab.answers("a", { body: { ok: true } })
      await seen(() => lab.tickets("health")[0]?.state === "resolved")
    }
    expect(lab.tickets("health")).toHaveLength(1)
  })

  test("opens no second ticket for a violation whose ticket a person has closed, until it has ended", async () => {
    await using lab = await watching({ invariants: [LOOK] })
    lab.file("seen", '{"n": 1}')
    await seen(() => lab.tickets("look").length === 1)
    closeTicket(lab.store, lab.tickets("look")[0]!.id, "known")
    lab.file("seen", "") // Blind, to see that it looks again.
    await seen(() => observations(lab, "look", "lab").at(-1) === "unknown")
    lab.file("seen", '{"n": 1}')
    await seen(() => observations(lab, "look", "lab").at(-1) === "violated")
    expect(lab.tickets("look").map(({ state }) => state)).toEqual(["closed"])
  })

  test("opens a ticket for a notice without failing the lab", async () => {
    await using lab = await watching({ invariants: [{ ...LOOK, role: "notice" }] })
    lab.file("seen", '{"n": 1}')
    await seen(() => lab.tickets("look").length === 1)
    await holding(lab)
    expect(lab.tickets("look")[0]).toMatchObject({ role: "notice", state: "open" })
  })

  test("never looks twice at once", async () => {
    const probe = { exec: "echo start >>trace; sleep 0.12; echo end >>trace; echo {}" }
    await using lab = await watching({ invariants: [{ name: "slow", probe }] })
    const trace = () => readFileSync(join(lab.lab.dir, "trace"), "utf8").trim().split("\n")
    await holding(lab)
    await seen(() => trace().length >= 8)
    expect(trace().slice(0, 8)).toEqual(["start", "end", "start", "end", "start", "end", "start", "end"])
  })

  test("tells each change after it was written, until nobody listens", async () => {
    await using lab = await watching({ invariants: [LOOK] })
    await holding(lab)
    const told: string[] = []
    const unlisten = lab.monitor.onChange(({ invariant, was, observation, opened }) => {
      expect(lab.tickets("look").map(({ id }) => id)).toEqual(opened)
      told.push(`${invariant}: ${was} to ${observation.status}`)
    })
    lab.file("seen", '{"n": 1}')
    await seen(() => told.length === 1)
    unlisten()
    lab.file("seen", '{"n": 0}')
    await holding(lab)
    expect(told).toEqual(["look: ok to violated"])
  })

  test("says unknown of what it saw while its own host was late, and does not blame the lab", async () => {
    await using lab = await watching()
    await holding(lab)
    const before_ms = lab.monitor.holdsSince()!
    Bun.sleepSync(1_600)
    await seen(() => observations(lab, "health", "a").includes("unknown"))
    await seen(() => observations(lab, "node_running", "b").includes("unknown"))
    await holding(lab)
    expect(observations(lab, "health", "a")).not.toContain("violated")
    expect(lab.monitor.holdsSince()!).toBeGreaterThan(before_ms + 1_600)
    expect(listTickets(lab.store)).toEqual([])
  })
})
