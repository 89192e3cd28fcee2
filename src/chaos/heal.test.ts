import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type SleepyLab, sleepyLab } from "../../test/support/sleepy-lab.ts"
import { recordCampaign, recordTrial } from "../../test/support/stored-lab.ts"
import type { Lab } from "../lab/lab.ts"
import { residents } from "../lab/platforms/residents.ts"
import { bootId, identify, stateOf } from "../lib/process.ts"
import { events, firstBreak } from "../store/events.ts"
import { enterPhase, injectionsOf } from "../store/injections.ts"
import { planInjection } from "../store/plan-injection.ts"
import { createAdopted } from "../store/adopted.ts"
import { getLab, recordGuardian } from "../store/labs.ts"
import { enterStage, getTrial } from "../store/trials.ts"
import { destroyLab, healLab } from "./heal.ts"
import { inject } from "./inject.ts"
import { sweep } from "./sweep.ts"

/** Undone outside of the lab, so that it can be seen after the lab has gone whether the revert ran. */
const FAULTS = {
  outside: {
    declared: {
      about: "",
      inject: 'touch "{lab}/../outside"',
      undo: 'rm -f "{lab}/../outside"',
      active: 'test -e "{lab}/../outside"',
    },
  },
  hanging: { declared: { about: "", inject: "true", undo: "sleep 300", active: "true" } },
  broken: { declared: { about: "", inject: "true", undo: "exit 1", active: "true" } },
}
/** Far less than what hangs, on a machine however busy. */
const HEALED_WITHIN_MS = 30_000
const WHY = { by: "test", reason: "it was time" }

let sleepy: SleepyLab
beforeEach(async () => {
  sleepy = await sleepyLab(FAULTS)
})
afterEach(async () => {
  expect(firstBreak(sleepy.store, sleepy.lab.id)).toBeUndefined()
  await sleepy[Symbol.asyncDispose]()
})

const row = (lab: Lab = sleepy.lab) => getLab(sleepy.store, lab.id)!
const isGone = (lab: Lab) => !existsSync(lab.dir) && residents(lab.dir).length === 0 && row(lab).state === "destroyed"
const outside = () => existsSync(join(sleepy.dir, "labs", "outside"))
const break_ = (fault: string, { lab = sleepy.lab, target = "one" } = {}) =>
  inject(sleepy.store, lab, { fault, target, params: {}, seed: 1, allow_quorum_loss: true })
const phases = (lab = sleepy.lab) => injectionsOf(sleepy.store, lab.id).map(({ phase }) => phase)
const destroyed = () => events(sleepy.store, sleepy.lab.id, { kinds: ["lab.destroyed"] })

/** The owner of a lab becomes somebody who is dead: a process that was ended just now. */
async function orphan(lab: Lab): Promise<void> {
  const child = Bun.spawn(["sleep", "600"])
  const { pid, started } = identify(child.pid)!
  child.kill("SIGKILL")
  await child.exited
  expect(stateOf({ pid, started })).toBe("gone")
  sleepy.store.db.query("update labs set owner_pid = ?, owner_started = ? where id = ?").run(pid, started, lab.id)
}

describe("a lab that is healed", () => {
  test("is reverted first, then gone with all of its processes, and the store says why", async () => {
    await break_("outside")
    await break_("node_pause", { target: "a" })
    await break_("node_kill", { target: "b" })
    await healLab(sleepy.store, sleepy.lab, WHY)
    expect(isGone(sleepy.lab)).toBe(true)
    expect(outside()).toBe(false)
    expect(phases()).toEqual(["reverted", "reverted", "reverted"])
    expect(destroyed()[0]!.body).toEqual({ ...WHY, ended_processes: 3 })
  })

  test("twice takes no harm, and is told once", async () => {
    await break_("node_pause")
    await healLab(sleepy.store, sleepy.lab, WHY)
    const [told, before] = [events(sleepy.store, sleepy.lab.id).length, phases()]
    await healLab(sleepy.store, sleepy.lab, { by: "somebody else", reason: "again" })
    expect(events(sleepy.store, sleepy.lab.id)).toHaveLength(told)
    expect(phases()).toEqual(before)
    expect(destroyed()).toHaveLength(1)
  })

  test("by two at once is healed once", async () => {
    await break_("node_kill")
    const both = [healLab(sleepy.store, sleepy.lab, WHY), healLab(sleepy.store, sleepy.lab, WHY)]
    await Promise.all(both)
    expect(isGone(sleepy.lab)).toBe(true)
    expect(destroyed()).toHaveLength(1)
  })

  test("does not wait for a revert that hangs, which keeps no other from being made", async () => {
    await break_("outside")
    await break_("hanging")
    const started_ms = performance.now()
    await healLab(sleepy.store, sleepy.lab, WHY)
    expect(performance.now() - started_ms).toBeLessThan(HEALED_WITHIN_MS)
    expect(isGone(sleepy.lab)).toBe(true)
    expect(phases()).toEqual(["reverted", "void"])
    expect(outside()).toBe(false)
  })

  test("is gone although a revert failed; the fault went with it", async () => {
    await break_("broken")
    await healLab(sleepy.store, sleepy.lab, WHY)
    expect(isGone(sleepy.lab)).toBe(true)
    expect(injectionsOf(sleepy.store, sleepy.lab.id)[0]).toMatchObject({ phase: "void" })
  })

  test("in the middle of an injection loses the half that was made", async () => {
    const { lab, store } = sleepy
    const [a, b] = [sleepy.node("a"), sleepy.node("b")]
    planInjection(store, {
      id: "i-1",
      lab: lab.id,
      fault: "node_pause",
      targets: ["a", "b"],
      params: {},
      plan: { nodes: [a, b] },
    })
    enterPhase(store, { id: "i-1", lab: lab.id }, "injecting")
    await lab.signal(a, "pause")
    await healLab(store, lab, WHY)
    expect(phases()).toEqual(["reverted"])
    expect(isGone(lab)).toBe(true)
  })

  test("ends the attempt that lived in it, with the stage at which it was", async () => {
    recordCampaign(sleepy.store, "c-1")
    recordTrial(sleepy.store, "c-1", "t-1")
    const lab = await sleepy.another("sleepy-2", "t-1")
    enterStage(sleepy.store, "t-1", lab.id, "settling")
    await healLab(sleepy.store, lab, WHY)
    expect(getTrial(sleepy.store, "t-1")).toMatchObject({ stage: "error", reason: "it was time (while settling)" })
    await healLab(sleepy.store, lab, { by: "test", reason: "again" })
    expect(getTrial(sleepy.store, "t-1")!.reason).toBe("it was time (while settling)")
  })

  test("leaves every other lab alone", async () => {
    const other = await sleepy.another("sleepy-2")
    await healLab(sleepy.store, sleepy.lab, WHY)
    expect(other.look().map(({ state }) => state)).toEqual(["running", "running", "running"])
  })
})

test("a lab that is destroyed voids what was still broken in it", async () => {
  await break_("node_pause")
  await destroyLab(sleepy.store, sleepy.lab, WHY)
  expect(phases()).toEqual(["void"])
  expect(isGone(sleepy.lab)).toBe(true)
})

describe("a sweep", () => {
  test("heals a lab whose owner is dead, and leaves one whose owner lives", async () => {
    const other = await sleepy.another("sleepy-2")
    await break_("outside")
    await break_("node_pause", { lab: other })
    await orphan(sleepy.lab)
    expect((await sweep(sleepy.store)).healed.map(({ id }) => id)).toEqual([sleepy.lab.id])
    expect(isGone(sleepy.lab)).toBe(true)
    expect(outside()).toBe(false)
    expect(isGone(other)).toBe(false)
    expect(other.look().map(({ state }) => state)).toContain("paused")
    expect(phases(other)).toEqual(["active"])
    expect((await sweep(sleepy.store)).healed).toEqual([])
  })

  test("heals a lab of another boot: a pid of then says nothing now", async () => {
    sleepy.store.db.query("update labs set owner_boot = 'an earlier boot' where id = ?").run(sleepy.lab.id)
    expect((await sweep(sleepy.store)).healed).toHaveLength(1)
    expect(isGone(sleepy.lab)).toBe(true)
  })

  test("leaves a lab alone whose owner it cannot see, in another namespace of pids, until the lab is overdue", async () => {
    const { store, lab } = sleepy
    const set = (column: string, value: string) =>
      store.db.query(`update labs set ${column} = ? where id = ?`).run(value, lab.id)
    set("owner_boot", `${bootId().replace(/ pid:.*/, "")} pid:[1]`)
    set("owner_pid", "999999999")
    expect((await sweep(store)).healed).toEqual([])
    set("deadline_at", new Date(Date.now() - 5_000).toISOString())
    expect((await sweep(store)).healed).toEqual([])
    expect(isGone(lab)).toBe(false)
    set("deadline_at", new Date(Date.now() - 600_000).toISOString())
    expect((await sweep(store)).healed).toHaveLength(1)
    expect(isGone(lab)).toBe(true)
  })

  test("heals a lab whose owner's pid belongs to another process now", async () => {
    sleepy.store.db.query("update labs set owner_started = '1' where id = ?").run(sleepy.lab.id)
    expect((await sweep(sleepy.store)).healed).toHaveLength(1)
  })

  test("leaves a lab to its guardian while that one lives, and takes it when it is dead too", async () => {
    await orphan(sleepy.lab)
    const guardian = Bun.spawn(["sleep", "600"])
    recordGuardian(sleepy.store, sleepy.lab.id, identify(guardian.pid)!)
    expect((await sweep(sleepy.store)).healed).toEqual([])
    guardian.kill("SIGKILL")
    await guardian.exited
    expect((await sweep(sleepy.store)).healed).toHaveLength(1)
    expect(isGone(sleepy.lab)).toBe(true)
  })

  test("by force takes every lab, and ends its guardian", async () => {
    const guardian = Bun.spawn(["sleep", "600"])
    recordGuardian(sleepy.store, sleepy.lab.id, identify(guardian.pid)!)
    expect((await sweep(sleepy.store, { force: true })).healed).toHaveLength(1)
    await guardian.exited
    expect(guardian.signalCode).toBe("SIGKILL")
    expect(isGone(sleepy.lab)).toBe(true)
  })

  test("looks once beside all adopted labs, and says when nobody answers", async () => {
    const { store, lab } = sleepy
    const { subject_text } = getLab(store, lab.id)!
    for (const id of ["shop-1", "shop-2"])
      createAdopted(store, id, { id, subject: "shop", subject_text, dir: join(sleepy.dir, id) })
    let [asked, answer] = [0, () => Response.json([])]
    const fetch = () => {
      asked++
      return answer()
    }
    const server = Bun.serve({ unix: join(sleepy.dir, "engine.sock"), fetch })
    const before = process.env.DOCKER_HOST
    process.env.DOCKER_HOST = `unix://${join(sleepy.dir, "engine.sock")}`
    try {
      expect(await sweep(store)).toEqual({ healed: [], tidied: [], unseen: undefined, failures: [] })
      expect(asked).toBe(1)
      answer = () => Response.json({ message: "no" }, { status: 500 })
      expect((await sweep(store)).failures).toEqual([expect.stringMatching(/^what was left .*: no$/)])
      await server.stop(true)
      const { unseen, failures } = await sweep(store)
      expect([unseen, failures]).toEqual([expect.stringMatching(/^no Docker engine answers/), []])
    } finally {
      await server.stop(true)
      if (before === undefined) delete process.env.DOCKER_HOST
      else process.env.DOCKER_HOST = before
    }
  })

  test("heals what it can, and says what it could not", async () => {
    const other = await sleepy.another("sleepy-2")
    await Promise.all([orphan(sleepy.lab), orphan(other)])
    const file = join(sleepy.dir, "labs", "no-folder")
    mkdirSync(join(sleepy.dir, "labs"), { recursive: true })
    writeFileSync(file, "")
    sleepy.store.db.query("update labs set dir = ? where id = ?").run(join(file, "lab"), sleepy.lab.id)
    const { healed, failures } = await sweep(sleepy.store)
    expect(healed.map(({ id }) => id)).toEqual([other.id])
    expect(failures).toEqual([expect.stringMatching(/^sleepy-1: .*ENOTDIR/)])
    expect(isGone(other)).toBe(true)
    expect(row().state).not.toBe("destroyed")
  })
})
