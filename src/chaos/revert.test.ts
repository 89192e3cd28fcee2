import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type SleepyLab, sleepyLab } from "../../test/support/sleepy-lab.ts"
import type { Node } from "../lab/lab.ts"
import { waitUntil } from "../lib/clock.ts"
import { events, firstBreak } from "../store/events.ts"
import { enterPhase, type Injection, injectionsOf } from "../store/injections.ts"
import { planInjection } from "../store/plan-injection.ts"
import type { Phase } from "../store/kinds.ts"
import { findFault } from "./catalogue.ts"
import { inject } from "./inject.ts"
import { probe, revert, revertAll } from "./revert.ts"

const FAULTS = {
  mark: {
    declared: { about: "", inject: 'touch "{lab}/mark"', undo: 'rm -f "{lab}/mark"', active: 'test -e "{lab}/mark"' },
  },
  sticky: { declared: { about: "", inject: 'touch "{lab}/sticky"', undo: "true", active: 'test -e "{lab}/sticky"' } },
  no_undo: { declared: { about: "", inject: "true", undo: "echo cannot; exit 4", active: 'test ! -e "{lab}/mended"' } },
  unclear: { declared: { about: "", inject: "true", undo: "true", active: "exit 2" } },
}

let sleepy: SleepyLab
beforeEach(async () => {
  sleepy = await sleepyLab(FAULTS)
})
afterEach(async () => {
  expect(firstBreak(sleepy.store, sleepy.lab.id)).toBeUndefined()
  await sleepy[Symbol.asyncDispose]()
})

const HEALTHY = { a: "running", b: "running", c: "running" }
const undo = (injection: Injection) => revert(sleepy.store, sleepy.lab, injection)
const record = (id: string) => injectionsOf(sleepy.store, sleepy.lab.id).find((one) => one.id === id)!
const break_ = (fault: string, target = "one") =>
  inject(sleepy.store, sleepy.lab, { fault, target, params: {}, seed: 1, allow_quorum_loss: true })

/** An injection as it is on record in some phase, whatever was done to the world. */
async function recorded(fault: string, targets: string[], phases: Phase[], id = "i-1"): Promise<Injection> {
  const nodes = sleepy.lab.look().filter(({ name }) => targets.includes(name))
  const plan = await findFault(fault, sleepy.lab.subject).plan(sleepy.lab, nodes, {}, { id, seed: 1 })
  planInjection(sleepy.store, { id, lab: sleepy.lab.id, fault, targets, params: {}, plan })
  for (const phase of phases) enterPhase(sleepy.store, { id, lab: sleepy.lab.id }, phase)
  return record(id)
}

/** A signal has been sent long before a busy machine has ended the process. */
async function kill(node: string): Promise<void> {
  await sleepy.lab.signal(sleepy.node(node), "kill")
  expect(await waitUntil(() => sleepy.node(node).state === "exited", { timeout_ms: 15_000, every_ms: 5 })).toBe(true)
}

async function restart(node: string): Promise<void> {
  await kill(node)
  await sleepy.lab.start(node)
}

/** How far the world has come when the record says so: nothing, one of two targets, or both were broken. */
const BREAK: Record<string, (nodes: string[]) => Promise<unknown>> = {
  none: async () => {},
  node_kill: (nodes) => Promise.all(nodes.map(kill)),
  node_pause: (nodes) => Promise.all(nodes.map((node) => sleepy.lab.signal(sleepy.node(node), "pause"))),
  mark: async (nodes) => nodes.length > 0 && writeFileSync(join(sleepy.lab.dir, "mark"), ""),
}

const PHASES: Phase[][] = [
  [],
  ["injecting"],
  ["injecting", "active"],
  ["injecting", "failed"],
  ["injecting", "active", "reverting"],
  ["injecting", "active", "reverting", "failed"],
]

describe("a revert", () => {
  for (const fault of Object.keys(BREAK)) {
    for (const phases of PHASES) {
      test(`of ${fault} is legal in the phase ${phases.at(-1) ?? "planned"}, however much was broken, and twice`, async () => {
        for (const broken of [[], ["a"], ["a", "b"]]) {
          const injection = await recorded(fault, ["a", "b"], phases, `i-${broken.length}`)
          await BREAK[fault]!(broken)
          expect(await undo(injection)).toBe("reverted")
          expect(sleepy.states()).toEqual(HEALTHY)
          expect(existsSync(join(sleepy.lab.dir, "mark"))).toBe(false)
          expect(record(injection.id)).toMatchObject({ phase: "reverted", ended_ms: expect.any(Number) })
          const pids = sleepy.lab.look().map(({ process }) => process!.pid)
          expect(await undo(injection)).toBe("reverted")
          expect(sleepy.lab.look().map(({ process }) => process!.pid)).toEqual(pids)
        }
      })
    }
  }

  test("works from the record alone: it is read back as it was written", async () => {
    await break_("node_pause", "majority")
    const [injection] = injectionsOf(sleepy.store, sleepy.lab.id)
    expect(await undo(injection!)).toBe("reverted")
    expect(sleepy.states()).toEqual(HEALTHY)
  })

  test("looks at the world afterwards, and writes down what it saw", async () => {
    const injection = await break_("mark")
    await undo(injection)
    const [event] = events(sleepy.store, sleepy.lab.id, { kinds: ["injection.probed"] })
    expect(event!.body).toEqual({ injection: injection.id, state: "gone", moment: "after the revert" })
  })

  test("after which the fault is still there has failed, and may be tried again", async () => {
    const injection = await break_("sticky")
    expect(await undo(injection)).toBe("failed")
    expect(record(injection.id)).toMatchObject({ phase: "failed", reason: "it is still there after the revert" })
    await Bun.file(join(sleepy.lab.dir, "sticky")).delete()
    expect(await undo(injection)).toBe("reverted")
  })

  test("whose command fails has failed, with what was said", async () => {
    const injection = await break_("no_undo")
    expect(await undo(injection)).toBe("failed")
    expect(record(injection.id).reason).toContain("exit 4: cannot")
  })

  test("after which nobody can tell has failed: not found is not reverted", async () => {
    const injection = await break_("unclear")
    expect(await undo(injection)).toBe("failed")
    expect(record(injection.id).reason).toContain("could not tell")
  })

  test("of a fault that nobody knows any more has failed, and says so", async () => {
    const injection = await recorded("mark", [], ["injecting", "active"])
    expect(await undo({ ...injection, fault: "forgotten" })).toBe("failed")
    expect(record("i-1").reason).toContain('there is no fault "forgotten"')
  })
})

describe("a node that was restarted meanwhile", () => {
  test("makes a pause void: the frozen process is no more", async () => {
    const injection = await break_("node_pause", "b")
    await restart("b")
    expect(await probe(sleepy.store, sleepy.lab, injection, "now")).toBe("void")
    expect(await undo(injection)).toBe("void")
    expect(record(injection.id).phase).toBe("void")
    expect(sleepy.states()).toEqual(HEALTHY)
  })

  test("makes a kill gone: it was started", async () => {
    const injection = await break_("node_kill", "b")
    expect(await probe(sleepy.store, sleepy.lab, injection, "now")).toBe("active")
    await sleepy.lab.start("b")
    expect(await probe(sleepy.store, sleepy.lab, injection, "now")).toBe("gone")
    expect(await undo(injection)).toBe("reverted")
  })

  test("and was frozen by somebody else is not thawed by the revert of the first pause", async () => {
    const injection = await break_("node_pause", "b")
    await restart("b")
    await sleepy.lab.signal(sleepy.node("b"), "pause")
    expect(await waitUntil(() => sleepy.node("b").state === "paused", { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
    expect(await undo(injection)).toBe("void")
    expect(sleepy.states()).toEqual({ ...HEALTHY, b: "paused" })
  })

  test("and whose old pid was given to another process is not taken for the frozen one", async () => {
    const injection = await break_("node_pause", "b")
    const [node] = injection.plan["nodes"] as Node[]
    const reused = { ...injection, plan: { nodes: [{ ...node, process: { ...node!.process, started: "1" } }] } }
    expect(await undo(reused)).toBe("void")
    expect(sleepy.states()).toEqual({ ...HEALTHY, b: "paused" })
  })

  test("leaves the fault active while the other target is still frozen", async () => {
    const injection = await break_("node_pause", "majority")
    await restart(injection.targets[0]!)
    expect(await probe(sleepy.store, sleepy.lab, injection, "now")).toBe("active")
  })
})

describe("all injections of a lab", () => {
  test("are reverted, newest first, and those that are over are left alone", async () => {
    const [kill, pause, mark] = [await break_("node_kill", "a"), await break_("node_pause", "b"), await break_("mark")]
    await undo(pause)
    const seen = events(sleepy.store, sleepy.lab.id).length
    expect(await revertAll(sleepy.store, sleepy.lab)).toEqual(["reverted", "reverted"])
    const order = events(sleepy.store, sleepy.lab.id, { after: seen, kinds: ["injection.phase"] })
    const reverting = order.flatMap(({ body }) => (body.phase === "reverting" ? [body.injection] : []))
    expect(reverting).toEqual([mark.id, kill.id])
    expect(sleepy.states()).toEqual(HEALTHY)
    expect(await revertAll(sleepy.store, sleepy.lab)).toEqual([])
  })

  test("are all tried, also when one cannot be reverted", async () => {
    await break_("node_kill", "a")
    await break_("no_undo")
    expect(await revertAll(sleepy.store, sleepy.lab)).toEqual(["failed", "reverted"])
    expect(sleepy.states()).toEqual(HEALTHY)
  })
})
