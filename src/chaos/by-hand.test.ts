import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { type SleepyLab, sleepyLab } from "../../test/support/sleepy-lab.ts"
import { Interrupted, UsageError } from "../lib/errors.ts"
import { bootId, identify } from "../lib/process.ts"
import { enterPhase, getInjection, injectionsOf } from "../store/injections.ts"
import { planInjection } from "../store/plan-injection.ts"
import { type ByHand, injectByHand, rehearse, type Told } from "./by-hand.ts"
import { MAX_LASTING_MS, revertOverdue } from "./look-after.ts"

const declared = (inject: string, undo: string, active: string) => ({ declared: { about: "", inject, undo, active } })
const FAULTS = {
  broken: declared('touch "{lab}/half"; echo no; exit 3', 'rm -f "{lab}/half"', 'test -e "{lab}/half"'),
  powerless: declared('touch "{lab}/half"', 'rm -f "{lab}/half"', "exit 1"),
  sticky: declared('touch "{lab}/half"', "true", 'test -e "{lab}/half"'),
}
/** Long enough that nobody waits for it. */
const LONG_MS = 600_000

let sleepy: SleepyLab
beforeEach(async () => {
  sleepy = await sleepyLab(FAULTS)
})
afterEach(() => sleepy[Symbol.asyncDispose]())

const options = (fault: string, more: Partial<ByHand> = {}): ByHand => ({
  ...{ fault, target: "one", params: {}, seed: 1, for_ms: undefined },
  ...{ signal: new AbortController().signal },
  ...more,
})
async function break_(...words: Parameters<typeof options>) {
  const told: Told[] = []
  const injection = await injectByHand(sleepy.store, sleepy.lab, options(...words), (one) => told.push(one))
  return { injection, steps: told.map(({ step }) => step) }
}
const records = () => injectionsOf(sleepy.store, sleepy.lab.id)
const half = () => existsSync(join(sleepy.lab.dir, "half"))
const overdue = () => revertOverdue(sleepy.store, sleepy.lab.id, async () => sleepy.lab)

/** The clock of the record goes on, and nobody has to wait. */
function outlive(): void {
  sleepy.store.db.query("update injections set expires_at = '2020-01-01T00:00:00.000Z'").run()
}

describe("a fault that a person injects", () => {
  test("stays, and has its end on record all the same", async () => {
    const { injection, steps } = await break_("node_pause")
    expect(steps).toEqual(["planned", "injected", "confirmed"])
    const lasts_ms = Date.parse(injection.expires_at!) - Date.parse(injection.created_at)
    expect(lasts_ms).toBeGreaterThan(MAX_LASTING_MS - 60_000)
    // Counted from when it was confirmed.
    expect(lasts_ms).toBeLessThan(MAX_LASTING_MS + 60_000)
    expect(injection.phase).toBe("active")
  })

  test("for a time is taken back by itself when that is over", async () => {
    const { injection, steps } = await break_("node_pause", { for_ms: 300 })
    expect(steps).toEqual(["planned", "injected", "confirmed", "waiting", "undone"])
    expect(injection).toMatchObject({ phase: "reverted", reverted_at: expect.any(String) })
    expect(new Set(Object.values(sleepy.states()))).toEqual(new Set(["running"]))
  })

  test("for a time is taken back at once when it is interrupted", async () => {
    const interrupted = new AbortController()
    const injected = injectByHand(
      ...([sleepy.store, sleepy.lab] as const),
      options("node_pause", { for_ms: LONG_MS, signal: interrupted.signal }),
      ({ step }) => step === "waiting" && interrupted.abort(),
    )
    await expect(injected).rejects.toBeInstanceOf(Interrupted)
    expect(records()).toMatchObject([{ phase: "reverted" }])
  })

  test("is taken back when it is interrupted before it is there", async () => {
    const interrupted = new AbortController()
    const injected = injectByHand(
      ...([sleepy.store, sleepy.lab] as const),
      options("node_pause", { signal: interrupted.signal }),
      ({ step }) => step === "planned" && interrupted.abort(),
    )
    await expect(injected).rejects.toThrow("was interrupted, and undone")
    expect(records()).toMatchObject([{ phase: "reverted" }])
  })

  test("is waited for no longer when somebody else has undone it", async () => {
    const injected = injectByHand(
      ...([sleepy.store, sleepy.lab] as const),
      options("node_pause", { for_ms: LONG_MS }),
      ({ step }) => step === "waiting" && enterPhase(sleepy.store, records()[0]!, "void", "its lab has gone"),
    )
    expect(await injected).toMatchObject({ phase: "void" })
  })

  test("that fails half-way is thrown, and the half is taken back", async () => {
    await expect(break_("broken")).rejects.toThrow("exit 3: no")
    expect(records()).toMatchObject([{ phase: "reverted", reason: expect.stringContaining("exit 3") }])
    expect(half()).toBe(false)
  })

  test("that has no effect is taken back", async () => {
    const { injection } = await break_("powerless")
    expect(injection).toMatchObject({ phase: "reverted", confirmation: "ineffective" })
    expect(half()).toBe(false)
  })

  test.each([0, MAX_LASTING_MS + 1])("for %d ms is refused before anything is recorded", async (for_ms) => {
    await expect(break_("node_pause", { for_ms })).rejects.toBeInstanceOf(UsageError)
    expect(records()).toEqual([])
  })

  test("only in rehearsal is told with its undo, and leaves no trace", async () => {
    const { steps, targets } = await rehearse(sleepy.store, sleepy.lab, options("node_pause", { target: "b" }))
    const { pid } = sleepy.node("b").process!
    expect([targets, steps]).toEqual([["b"], { inject: [`kill -STOP ${pid}`], undo: [`kill -CONT ${pid}`] }])
    expect(records()).toEqual([])
    expect(sleepy.states().b).toBe("running")
  })
})

describe("whoever looks after a lab", () => {
  test("takes back what has outlived its time, and nothing that has not", async () => {
    const { injection } = await break_("node_pause")
    expect(await overdue()).toEqual([])
    outlive()
    expect((await overdue()).map(({ id }) => id)).toEqual([injection.id])
    expect(getInjection(sleepy.store, injection.id)!.phase).toBe("reverted")
    expect(await overdue()).toEqual([])
  })

  test.each(["planned", "injecting", "reverting"] as const)(
    "takes back what somebody was at work on who has died while %s",
    async (phase) => {
      const { lab, store } = sleepy
      const [a, b] = [sleepy.node("a"), sleepy.node("b")]
      const record = { id: "i-1", lab: lab.id, fault: "node_pause", targets: ["a", "b"], params: {} }
      planInjection(store, { ...record, plan: { nodes: [a, b] } })
      if (phase !== "planned") enterPhase(store, record, phase)
      await lab.signal(a, "pause")
      expect(await overdue()).toEqual([])
      const child = Bun.spawn(["sleep", "600"])
      const worker = JSON.stringify({ boot: bootId(), ...identify(child.pid)! })
      child.kill("SIGKILL")
      await child.exited
      store.db.query("update injections set worker = ?").run(worker)
      expect(await overdue()).toHaveLength(1)
      expect(records()).toMatchObject([{ phase: "reverted" }])
      expect(sleepy.states().a).toBe("running")
    },
  )

  test("does not try again at once what could not be taken back", async () => {
    await break_("sticky")
    outlive()
    expect(await overdue()).toHaveLength(1)
    expect(records()).toMatchObject([{ phase: "failed", reason: "it is still there after the revert" }])
    expect(await overdue()).toEqual([])
  })
})
