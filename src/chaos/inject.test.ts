import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { type SleepyLab, sleepyLab } from "../../test/support/sleepy-lab.ts"
import { waitUntil } from "../lib/clock.ts"
import { UsageError } from "../lib/errors.ts"
import { events, firstBreak } from "../store/events.ts"
import { injectionsOf } from "../store/injections.ts"
import { inject, type InjectOptions } from "./inject.ts"
import { revert } from "./revert.ts"

/** Faults of the subject's own, by what is odd about them. The command `cat ../operator.db` can see the record. */
const FAULTS = {
  mark: {
    declared: {
      about: "",
      inject: 'echo {seed}{word} > "{lab}/mark"',
      undo: 'rm -f "{lab}/mark"',
      active: 'test -e "{lab}/mark"',
    },
    params: { word: "x" },
  },
  mark_nodes: {
    group: "trio",
    declared: {
      about: "",
      inject: 'touch "{lab}/{node}/mark"',
      undo: 'rm -f "{lab}/{node}/mark"',
      active: 'test -e "{lab}/{node}/mark"',
    },
  },
  broken: {
    declared: {
      about: "",
      inject: 'touch "{lab}/half"; echo no; exit 3',
      undo: 'rm -f "{lab}/half"',
      active: 'test -e "{lab}/half"',
    },
  },
  powerless: { declared: { about: "", inject: "true", undo: "true", active: "exit 1" } },
  unclear: { declared: { about: "", inject: "true", undo: "true", active: "echo who knows; exit 2" } },
  late: {
    declared: {
      about: "",
      inject: '(sleep 0.2; touch "{lab}/late") >/dev/null 2>&1 &',
      undo: 'rm -f "{lab}/late"',
      active: 'test -e "{lab}/late"',
    },
  },
  recorded: {
    declared: { about: "", inject: 'cp "{lab}/../../operator.db-wal" "{lab}/seen"', undo: "true", active: "true" },
  },
}

let sleepy: SleepyLab
beforeEach(async () => {
  sleepy = await sleepyLab(FAULTS)
})
afterEach(async () => {
  expect(firstBreak(sleepy.store, sleepy.lab.id)).toBeUndefined()
  await sleepy[Symbol.asyncDispose]()
})

const break_ = (fault: string, options: Partial<InjectOptions> = {}) =>
  inject(sleepy.store, sleepy.lab, { fault, target: "one", params: {}, seed: 1, allow_quorum_loss: true, ...options })
const records = () => injectionsOf(sleepy.store, sleepy.lab.id)
const inLab = (file: string) => existsSync(join(sleepy.lab.dir, file))
const kinds = () =>
  events(sleepy.store, sleepy.lab.id, { kinds: ["injection.planned", "injection.phase", "injection.confirmed"] }).map(
    ({ kind, body }) => ("phase" in body ? body.phase : kind.slice("injection.".length)),
  )
const exited = () => Object.entries(sleepy.states()).flatMap(([name, state]) => (state === "running" ? [] : [name]))

describe("an injection", () => {
  test("is recorded, made and confirmed, in this order", async () => {
    const injection = await break_("node_kill")
    expect(kinds()).toEqual(["planned", "injecting", "active", "confirmed"])
    expect(injection).toMatchObject({ fault: "node_kill", phase: "active", confirmation: "confirmed" })
    expect(records()).toMatchObject([{ ...injection, active_ms: expect.any(Number) }])
    expect(exited()).toEqual(injection.targets)
    expect(injection.plan).toMatchObject({ nodes: [{ process: { pid: expect.any(Number) } }] })
  })

  test("is on record before its first change: the change itself sees the record", async () => {
    const { id } = await break_("recorded")
    expect(await Bun.file(join(sleepy.lab.dir, "seen")).text()).toContain(id)
  })

  test("of node_pause freezes the very node, which stays there", async () => {
    const { targets, confirmation } = await break_("node_pause", { target: "b" })
    expect([targets, confirmation]).toEqual([["b"], "confirmed"])
    expect(sleepy.states()).toEqual({ a: "running", b: "paused", c: "running" })
  })

  test("of none breaks nothing and is confirmed", async () => {
    expect(await break_("none")).toMatchObject({ targets: [], confirmation: "confirmed" })
    expect(exited()).toEqual([])
  })

  test("breaks the same nodes for the same seed, as many as its target says", async () => {
    const { targets } = await break_("node_pause", { target: "majority", seed: 4 })
    expect(targets).toHaveLength(2)
    expect(await waitUntil(() => exited().length === 2, { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
    expect(exited()).toEqual(targets)
    await using other = await sleepyLab()
    const again = await inject(other.store, other.lab, {
      ...{ fault: "node_pause", target: "majority", params: {}, seed: 4, allow_quorum_loss: true },
    })
    expect(again.targets).toEqual(targets)
  })

  test("of a declared fault runs its commands with parameters and seed filled in", async () => {
    expect(await break_("mark", { params: { word: "y" }, seed: 9 })).toMatchObject({
      params: { word: "y" },
      targets: [],
    })
    expect(await Bun.file(join(sleepy.lab.dir, "mark")).text()).toBe("9y\n")
  })

  test("of a declared fault that names nodes breaks each of its targets", async () => {
    const injection = await break_("mark_nodes", { target: "majority" })
    expect(injection.targets.map((node) => inLab(`${node}/mark`))).toEqual([true, true])
    expect(await revert(sleepy.store, sleepy.lab, injection)).toBe("reverted")
    expect(injection.targets.map((node) => inLab(`${node}/mark`))).toEqual([false, false])
  })
})

describe("an effect", () => {
  test("that shows after a moment is confirmed", async () => {
    expect(await break_("late")).toMatchObject({ confirmation: "confirmed" })
  })

  test("that is never seen makes the injection ineffective", async () => {
    const started_ms = performance.now()
    expect(await break_("powerless")).toMatchObject({ phase: "active", confirmation: "ineffective" })
    expect(performance.now() - started_ms).toBeLessThan(5_000)
  })

  test("that cannot be told leaves it inconclusive, with what was said", async () => {
    expect(await break_("unclear")).toMatchObject({ confirmation: "inconclusive" })
    const [event] = events(sleepy.store, sleepy.lab.id, { kinds: ["injection.confirmed"] })
    expect(event!.body.evidence).toContain("who knows")
  })

  test("on a node that is down is refused, and leaves no record", async () => {
    await sleepy.lab.signal(sleepy.node("a"), "kill")
    expect(await waitUntil(() => sleepy.node("a").state === "exited", { timeout_ms: 2_000, every_ms: 5 })).toBe(true)
    for (const fault of ["node_pause", "node_kill"]) {
      await expect(break_(fault, { target: "a" })).rejects.toThrow("a: not running, so there is nothing to break")
    }
    expect(records()).toEqual([])
  })
})

describe("an injection that fails half-way", () => {
  test("is thrown, is on record as failed, and can still be reverted", async () => {
    await expect(break_("broken")).rejects.toThrow("exit 3: no")
    expect(records()).toMatchObject([{ phase: "failed", active_ms: null, reason: expect.stringContaining("exit 3") }])
    expect(inLab("half")).toBe(true)
    expect(await revert(sleepy.store, sleepy.lab, records()[0]!)).toBe("reverted")
    expect(inLab("half")).toBe(false)
    expect(records()[0]!.phase).toBe("reverted")
  })
})

describe("a request that cannot be meant", () => {
  test.each<[string, Partial<InjectOptions> & { fault: string }, string]>([
    ["an unknown fault", { fault: "node_kil" }, 'did you mean "node_kill"?'],
    ["an unknown target", { fault: "node_kill", target: "trios" }, 'did you mean "trio"?'],
    ["a parameter that is not taken", { fault: "node_kill", params: { hard: true } }, "takes no parameter hard"],
    ["a service that this lab does not run", { fault: "node_kill", target: "idle" }, "needs a node"],
    ["a fault of nodes without one", { fault: "node_pause", target: "idle" }, "needs a node"],
    ["a declared fault of nodes without one", { fault: "mark_nodes", target: "idle" }, "needs a node"],
  ])("(%s) is refused before anything is recorded or changed", async (_, request, message) => {
    await expect(break_(request.fault, request)).rejects.toThrow(message)
    await expect(break_(request.fault, request)).rejects.toThrow(UsageError)
    expect(records()).toEqual([])
    expect(exited()).toEqual([])
  })
})
