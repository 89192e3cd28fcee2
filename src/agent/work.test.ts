import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { runs, says, type Scripted, scriptedModel, type ScriptedModel } from "../../test/support/scripted-model.ts"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { type Clock, waitUntil } from "../lib/clock.ts"
import { type Event, events, firstBreak } from "../store/events.ts"
import type { EventKind } from "../store/kinds.ts"
import { getLab } from "../store/labs.ts"
import { claimLab, sessionsOf } from "../store/sessions.ts"
import { getTicket, openTicket, resolveTicket } from "../store/tickets.ts"
import { DEFAULT_LIMITS, LEASE_MS } from "./limits.ts"
import { localShell } from "./sandbox/local.ts"
import { work, type Work } from "./work.ts"

let stored: StoredLab
let cwd: string
let ticket: string

function begin(clock?: Clock): void {
  stored = storedLab(clock)
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "work-")))
  ticket = open("a")
}

function end(): void {
  stored[Symbol.dispose]()
  rmSync(cwd, { recursive: true, force: true })
}

beforeEach(() => begin())
afterEach(() => {
  expect(firstBreak(stored.store, stored.lab)).toBeUndefined()
  end()
})

function open(node: string): string {
  const about = { lab: stored.lab, invariant: "health", node, kind: "violated", role: "gate" } as const
  return openTicket(stored.store, { ...about, severity: "critical", observation: null })
}

interface Worker extends Partial<Omit<Work, "model">> {
  /** The turns of each attempt's model; the last ones again and again. */
  turns?: Scripted[][]
}

/** Works the lab with one model an attempt. */
async function worked({ turns = [[says("done")]], ...change }: Worker = {}) {
  const models: ScriptedModel[] = []
  const model = () => {
    models.push(scriptedModel(...turns[Math.min(models.length, turns.length - 1)]!))
    return models.at(-1)!
  }
  const end = await work({
    ...{
      store: stored.store,
      lab: stored.lab,
      brief: "a lab",
      variant: "v",
      model,
      shell: localShell({ cwd, env: {} }),
    },
    ...{ limits: DEFAULT_LIMITS, attempts: 2, verify: async () => true, signal: new AbortController().signal },
    ...change,
  })
  return { end, models }
}

const log = <K extends EventKind>(...kinds: K[]): Event<K>[] => events(stored.store, stored.lab, { kinds })
const lab = () => getLab(stored.store, stored.lab)!
const sessions = () => sessionsOf(stored.store, stored.lab)
const state = (id: string) => getTicket(stored.store, id)!.state
const claim = (session: string) =>
  claimLab(stored.store, { lab: stored.lab, session, variant: "v", model: "m", lease_ms: LEASE_MS, max_attempts: 9 })
/** Resolves when it is told to stop, as everything that waits ought to. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))

describe("a claim", () => {
  test("that the monitor verifies is the end of the work, and the monitor's word is on record", async () => {
    const { end, models } = await worked({ turns: [[runs("true"), says("done")]] })
    expect(end).toBe("verified")
    expect(models).toHaveLength(1)
    expect(sessions()).toMatchObject([{ variant: "v", model: "scripted", attempt: 1, steps: 2, verified: 1 }])
    expect(sessions()[0]!.outcome).toEqual({ kind: "claims_done" })
    expect(log("session.claimed", "session.ended", "session.verified").map(({ kind }) => kind)).toEqual([
      "session.claimed",
      "session.ended",
      "session.verified",
    ])
    expect(state(ticket)).toBe("open")
    expect(lab().session).toBeNull()
  })

  test("that the monitor does not verify is tried again from the beginning, and then escalated", async () => {
    const { end, models } = await worked({ verify: async () => false })
    expect(end).toBe("escalated")
    expect(models.map(({ asked }) => asked[0]!.length)).toEqual([1, 1])
    expect(sessions().map(({ attempt, verified }) => ({ attempt, verified }))).toEqual([
      { attempt: 1, verified: 0 },
      { attempt: 2, verified: 0 },
    ])
    expect(new Set(sessions().map(({ id }) => id)).size).toBe(2)
    expect(getTicket(stored.store, ticket)).toMatchObject({
      state: "escalated",
      reason: "attempt 2: it said that it was done, and the monitor did not agree",
    })
    expect(lab()).toMatchObject({ session: null, attempts: 2 })
  })

  test("keeps the lab until the monitor has spoken: no other session gets it meanwhile", async () => {
    const others: unknown[] = []
    await worked({ verify: async () => others.push(claim("s-other")) > 0 })
    expect(others).toEqual([undefined])
    expect(claim("s-other")).toBeDefined()
  })

  test("is not refuted by a monitor that was stopped before it could speak: nothing is escalated", async () => {
    const stop = new AbortController()
    const verify = async (signal: AbortSignal) => {
      setTimeout(() => stop.abort(), 1)
      await untilAborted(signal)
      return false
    }
    const { end } = await worked({ verify, signal: stop.signal, attempts: 1 })
    expect(end).toBe("stopped")
    expect(sessions()[0]).toMatchObject({ outcome: { kind: "claims_done" }, verified: null })
    expect(state(ticket)).toBe("open")
    expect(lab().session).toBeNull()
  })

  test("that came true in the moment of the stop is verified", async () => {
    const stop = new AbortController()
    const verify = async () => {
      stop.abort()
      return true
    }
    expect((await worked({ verify, signal: stop.signal })).end).toBe("verified")
    expect(sessions()[0]!.verified).toBe(1)
  })
})

describe("a ticket", () => {
  test("is escalated at once when the agent gives up", async () => {
    const other = open("b")
    const { end, models } = await worked({ turns: [[says("ESCALATE: the disk is gone")]] })
    expect(end).toBe("escalated")
    expect(models).toHaveLength(1)
    for (const id of [ticket, other])
      expect(getTicket(stored.store, id)).toMatchObject({
        state: "escalated",
        reason: "attempt 1: it gave up: the disk is gone",
      })
    expect(sessions()[0]).toMatchObject({ outcome: { kind: "gave_up", reason: "the disk is gone" }, verified: null })
  })

  test.each([
    ["a limit", [runs("true")], { limits: { ...DEFAULT_LIMITS, steps: 1 } }, "limit", "its limit was reached (steps)"],
    ["a refusal", [says("", "refusal")], {}, "refused", "scripted-1 refused to go on"],
    ["a model that fails", [says("cut", "max_tokens")], {}, "model_error", "the turn was cut off: max_tokens"],
  ])("is escalated after the last attempt that ends by %s", async (_, turns, change, outcome, words) => {
    const { end } = await worked({ turns: [turns], ...change })
    expect(end).toBe("escalated")
    expect(sessions().map((session) => session.outcome!.kind as string)).toEqual([outcome, outcome])
    expect(getTicket(stored.store, ticket)!.reason).toBe(`attempt 2: ${words}`)
  })

  test("that was escalated stays so, and is no agent's again", async () => {
    await worked({ verify: async () => false })
    open("a")
    const about = { lab: stored.lab, invariant: "health", node: "a", kind: "violated" } as const
    resolveTicket(stored.store, about)
    expect(state(ticket)).toBe("escalated")
    expect((await worked()).end).toBe("stopped")
    expect(sessions()).toHaveLength(2)
  })

  test("that opens during a session reaches the model with the next result; those of the page are no news", async () => {
    let second = ""
    const opens = () => {
      second = open("b")
      return runs("true")
    }
    const { models } = await worked({ turns: [[opens, runs("true"), says("done")]] })
    const [page, first, later] = models[0]!.asked.map((history) => JSON.stringify(history.at(-1)))
    expect(page).toContain(ticket)
    expect(page).not.toContain(second)
    expect(first).toContain(second)
    expect(first).not.toContain(ticket)
    expect(later).not.toContain(second)
  })

  test("is on the page of the next attempt", async () => {
    const opens = () => {
      open("b")
      return says("done")
    }
    const { models } = await worked({ turns: [[opens], [says("done")]], verify: async () => false })
    expect(JSON.stringify(models[1]!.asked[0])).toContain("health of b")
  })
})

describe("an interruption", () => {
  test("ends the work, gives the lab back and escalates nothing", async () => {
    const stop = new AbortController()
    const working = worked({ turns: [[runs("touch began; sleep 60")]], signal: stop.signal })
    const began = () => existsSync(join(cwd, "began"))
    expect(await waitUntil(began, { timeout_ms: 10_000, every_ms: 5 })).toBe(true)
    expect(lab().session).not.toBeNull()
    stop.abort()
    expect((await working).end).toBe("stopped")
    expect(sessions()).toMatchObject([{ outcome: { kind: "interrupted" }, verified: null }])
    expect(state(ticket)).toBe("open")
    expect(lab().session).toBeNull()
    // It was no attempt: nobody let it come to its end.
    expect(claim("s-next")).toMatchObject({ attempt: 1 })
  })

  test("before the work leaves no session", async () => {
    expect((await worked({ signal: AbortSignal.abort() })).end).toBe("stopped")
    expect(sessions()).toEqual([])
  })
})

describe("two workers on one lab", () => {
  test("do not meet: one works, the other has nothing to do", async () => {
    const turns = [[runs("echo 1 >> log; sleep 0.3"), says("done")]]
    const both = await Promise.all([worked({ turns }), worked({ turns })])
    expect(both.map(({ end }) => end).sort()).toEqual(["stopped", "verified"])
    expect(sessions()).toHaveLength(1)
    expect(await Bun.file(join(cwd, "log")).text()).toBe("1\n")
  })

  test("take over from each other when one was not heard of for a lease", async () => {
    end()
    const clock = fakeClock()
    begin(clock)
    const frozen = claim("s-frozen")!
    expect((await worked()).end).toBe("stopped")
    clock.advance(LEASE_MS + 1)
    expect((await worked()).end).toBe("verified")
    expect(lab().fence).toBe(frozen.fence + 1)
    expect(sessions()[0]).toMatchObject({ id: "s-frozen", outcome: { kind: "halted" } })
  })

  test("when the lab was taken over stop, and take nothing away from the other", async () => {
    end()
    const clock = fakeClock()
    begin(clock)
    const robbed = () => {
      clock.advance(LEASE_MS + 1)
      expect(claim("s-thief")).toBeDefined()
      return runs("touch ran")
    }
    expect((await worked({ turns: [[robbed]], attempts: 1 })).end).toBe("stopped")
    expect(existsSync(join(cwd, "ran"))).toBe(false)
    expect(lab().session).toBe("s-thief")
    expect(state(ticket)).toBe("open")
    expect(sessions()[0]!.outcome!.kind).toBe("halted")
  })
})

test("a failure that nobody planned is thrown, and the lab is given back", async () => {
  const verify = () => Promise.reject(new Error("the monitor died"))
  await expect(worked({ verify })).rejects.toThrow("the monitor died")
  expect(lab().session).toBeNull()
  expect(sessions()[0]!.outcome).toEqual({ kind: "claims_done" })
  const noModel = () => {
    throw new Error("no repair is declared")
  }
  const context = { store: stored.store, lab: stored.lab, brief: "", variant: "v", model: noModel, attempts: 2, verify }
  const rest = { shell: localShell({ cwd, env: {} }), limits: DEFAULT_LIMITS, signal: new AbortController().signal }
  await expect(work({ ...context, ...rest })).rejects.toThrow("no repair is declared")
  expect(lab()).toMatchObject({ session: null, attempts: 1 })
})
