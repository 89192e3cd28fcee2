import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { recordCampaign, recordLab, type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { append } from "../store/events.ts"
import { enterPhase, recordConfirmation } from "../store/injections.ts"
import { planInjection } from "../store/plan-injection.ts"
import type { EventBodies, EventKind, LedgerCheck } from "../store/kinds.ts"
import { claimLab, endSession, type Lease, recordVerified } from "../store/sessions.ts"
import { keepSnapshot } from "../store/snapshots.ts"
import { keepText } from "../store/texts.ts"
import { createTrial, enterStage, getTrial } from "../store/trials.ts"
import { AT_THE_END, type Facts, factsOf } from "./facts.ts"

/** A trial's log is written by hand, moment by moment. The fault becomes active at 0. */
const LAB = "kv-2"
const TRIAL = "t-1"
const INJECTION = { id: "i-1", lab: LAB }
const GATES = ["health", "slo"]
const LIMITS = {
  deadline_ms: 60_000,
  symptom_within_ms: 5_000,
  stable_ms: 2_000,
  verify_ms: 1_000,
  give_up_grace_ms: 1_000,
  attempts: 2,
}

let clock: ReturnType<typeof fakeClock>
let stored: StoredLab
let zero_ms: number

beforeEach(() => {
  clock = fakeClock()
  stored = storedLab(clock)
  begin("node_kill")
  inject()
})
afterEach(() => stored[Symbol.dispose]())

function begin(fault: string): void {
  const { store } = stored
  recordCampaign(store, "c-1")
  const text = keepText(store, "subject", "kv.yaml", "name: kv")
  createTrial(store, {
    ...{
      id: TRIAL,
      campaign: "c-1",
      subject: "kv",
      fault,
      target: "one",
      params: {},
      variant: "v",
      repetition: 1,
      seed: 1,
    },
    ...{ limits: LIMITS, subject_text: text, variant_text: text, environment: {} },
  })
  recordLab(store, LAB, TRIAL)
}

/** From the record to the moment 0, at which the fault is active; `during` happens while it is being injected. */
function inject(during: () => void = () => {}): void {
  planInjection(stored.store, { ...INJECTION, fault: "node_kill", targets: ["a"], params: {}, plan: {} })
  enterPhase(stored.store, INJECTION, "injecting")
  clock.advance(100)
  during()
  zero_ms = clock.mono_ms()
  enterPhase(stored.store, INJECTION, "active")
  recordConfirmation(stored.store, INJECTION, "confirmed", "seen")
}

/** Moves the clock to a moment of the trial. */
function at(moment_ms: number): void {
  clock.advance(zero_ms + moment_ms - clock.mono_ms())
}

function log<K extends EventKind>(kind: K, body: EventBodies[K], session?: string): void {
  append(stored.store, LAB, kind, body, session === undefined ? {} : { session })
}

/** A gate is violated, so that not all gates hold. */
function violated(moment_ms: number, invariant = "health", status: "violated" | "unknown" = "violated"): void {
  at(moment_ms)
  log("observation", { invariant, node: "a", status, was: "ok", value: null, reason: "gone", every_ms: 1_000 })
  log("gates", { since_ms: null, failing: [invariant] })
}

/** Every gate holds again, since this moment unless an earlier one is named. */
function good(moment_ms: number, since_ms = moment_ms): void {
  at(moment_ms)
  log("gates", { since_ms: zero_ms + since_ms, failing: [] })
}

function ticket(moment_ms: number, id: string, kind: "ticket.opened" | "ticket.reopened" = "ticket.opened"): void {
  at(moment_ms)
  if (kind === "ticket.reopened") log(kind, { ticket: id, occurrences: 2 })
  else log(kind, { ticket: id, invariant: "health", node: "a", kind: "violated", severity: "critical" })
}

function claim(moment_ms: number, session = "s-1"): Lease {
  at(moment_ms)
  return claimLab(stored.store, { lab: LAB, session, variant: "v", model: "m", lease_ms: 30_000, max_attempts: 9 })!
}

let calls = 0
function command(moment_ms: number, text: string, ended_by = "exit", session: string | null = "s-1"): void {
  at(moment_ms)
  const call = { step: 1, call: `c${(calls += 1)}` }
  log("command", { ...call, command: text, reasoning: "" }, session ?? undefined)
  const end = { exit_code: 0, signal: null, ended_by, duration_ms: 1, output_bytes: 0, shown: "" }
  log("result", { ...call, ...end }, session ?? undefined)
}

function lastLook(moment_ms: number, state: "active" | "gone" | "void"): void {
  at(moment_ms)
  log("injection.probed", { injection: INJECTION.id, state, moment: AT_THE_END })
}

const INTACT: LedgerCheck = { result: "intact", acked: 9, lost: 0, wrong: 0, unread: 0, examples: [] }

/** Healing begins, and the evidence of harm is taken. */
function heal(
  moment_ms: number,
  evidence: { ledger?: Partial<LedgerCheck> | null; before?: unknown; after?: unknown } = {},
): void {
  const { ledger = {}, before = 1, after = 1 } = evidence
  keepSnapshot(stored.store, LAB, "before", "limits", before)
  at(moment_ms)
  enterStage(stored.store, TRIAL, LAB, "healing")
  if (after !== null) keepSnapshot(stored.store, LAB, "after", "limits", after)
  if (ledger !== null) log("trial.ledger", { ...INTACT, ...ledger })
}

function facts(may_change: string[] = []): Facts {
  return factsOf(stored.store, getTrial(stored.store, TRIAL)!, { gates: GATES, may_change })!
}

test("a trial without a lab has no facts", () => {
  const trial = { ...getTrial(stored.store, TRIAL)!, lab: null }
  expect(factsOf(stored.store, trial, { gates: GATES, may_change: [] })).toBeUndefined()
})

test("a repair: felt, detected, acted upon, recovered", () => {
  violated(40)
  ticket(45, "t-1")
  const lease = claim(60)
  command(100, "cat log")
  command(200, "touch x; rm y")
  command(300, "mkdir z")
  good(900)
  at(1_000)
  endSession(stored.store, lease, { outcome: { kind: "claims_done" }, steps: 3, cost_usd: 0, report: null })
  recordVerified(stored.store, lease, true, 100)
  lastLook(2_950, "gone")
  heal(3_000)
  expect(facts()).toEqual({
    fault: "node_kill",
    confirmation: "confirmed",
    targets: ["a"],
    symptom_ms: 40,
    detected_ms: 45,
    acted_ms: 200,
    recovered_ms: 900,
    horizon_ms: 60_000,
    lifted_by: "agent",
    harm: "none",
    harm_details: [],
    tickets: 1,
    sessions: [{ id: "s-1", outcome: { kind: "claims_done" }, verified: true, steps: 3 }],
    commands: { read: 1, change: 1, destroy: 1 },
  })
})

describe("the symptom", () => {
  test("is the first violation of a gate, not of a notice, and not what could not be told", () => {
    violated(10, "slow_commits")
    violated(20, "health", "unknown")
    expect(facts().symptom_ms).toBeNull()
    violated(30, "slo")
    violated(40, "health")
    expect(facts().symptom_ms).toBe(30)
  })

  test("that shows while the fault is being injected counts as at once", () => {
    stored[Symbol.dispose]()
    clock = fakeClock()
    stored = storedLab(clock)
    begin("node_kill")
    zero_ms = clock.mono_ms()
    violated(5)
    ticket(6, "t-earlier")
    inject(() => {
      violated(50)
      ticket(60, "t-1")
    })
    good(1_000)
    heal(3_000)
    expect(facts()).toMatchObject({ symptom_ms: 0, detected_ms: 0, recovered_ms: 1_000, tickets: 1 })
  })

  test("and everything else from the time of the healing on is no fact: the load ends, and the revert repairs", () => {
    const lease = claim(10)
    heal(100)
    violated(200)
    ticket(201, "t-1")
    command(210, "touch x")
    good(300)
    at(9_000)
    log("monitor.stopped", {})
    endSession(stored.store, lease, { outcome: { kind: "interrupted" }, steps: 0, cost_usd: 0, report: null })
    expect(facts()).toMatchObject({
      symptom_ms: null,
      detected_ms: null,
      acted_ms: null,
      recovered_ms: null,
      tickets: 0,
    })
  })
})

describe("recovered", () => {
  test("is the beginning of the first stretch that was stable; flapping is no recovery", () => {
    violated(10)
    good(1_000)
    violated(2_999)
    good(3_000)
    violated(4_000)
    good(5_000)
    heal(7_000)
    expect(facts().recovered_ms).toBe(5_000)
  })

  test("counts from the moment since which the gates hold, not from when that was written", () => {
    violated(10)
    good(1_500, 1_000)
    heal(3_000)
    expect(facts().recovered_ms).toBe(1_000)
  })

  test("is no stretch that began before the symptom", () => {
    good(0, -5_000)
    violated(3_000)
    good(3_100, -5_000)
    heal(5_100)
    expect(facts().recovered_ms).toBe(3_100)
  })

  test("is not a lab that fails again, and does so up to the end", () => {
    violated(10)
    good(1_000)
    violated(5_000)
    heal(6_000)
    expect(facts().recovered_ms).toBeNull()
  })

  test("stays what it was when the lab fails again later, and holds at the end", () => {
    violated(10)
    good(1_000)
    violated(5_000)
    good(5_500)
    heal(6_000)
    expect(facts().recovered_ms).toBe(1_000)
  })

  test("is censored when no stretch is long enough, up to the last millisecond of the trial", () => {
    violated(10)
    good(1_000)
    heal(2_999)
    expect(facts()).toMatchObject({ recovered_ms: null, horizon_ms: 60_000 })
  })

  test("is censored at the deadline also when the trial ended early because the agent gave up", () => {
    violated(10)
    const lease = claim(20)
    endSession(stored.store, lease, { outcome: { kind: "gave_up", reason: "no" }, steps: 1, cost_usd: 0, report: null })
    lastLook(1_500, "active")
    heal(1_600)
    expect(facts()).toMatchObject({ recovered_ms: null, horizon_ms: 60_000, lifted_by: "nobody", acted_ms: null })
  })

  test("is censored when it came after the horizon", () => {
    violated(10_000)
    good(60_001)
    heal(70_000)
    expect(facts().recovered_ms).toBeNull()
  })

  test("is not what nobody watched: a stretch ends with its monitor", () => {
    violated(10)
    good(1_000)
    at(2_000)
    log("monitor.stopped", {})
    at(9_000)
    log("monitor.started", { invariants: GATES, interval_ms: 1_000 })
    good(9_500)
    heal(11_000)
    expect(facts().recovered_ms).toBeNull()
  })

  test("is not what a dead trial left open", () => {
    violated(10)
    good(1_000)
    at(50_000)
    log("lab.destroyed", { by: "guardian", reason: "its owner died", ended_processes: 3 })
    expect(facts().recovered_ms).toBeNull()
  })
})

describe("acted", () => {
  test("is the first command that does more than look", () => {
    violated(10)
    claim(20)
    command(30, "ps aux | grep kv 2>/dev/null")
    expect(facts()).toMatchObject({ acted_ms: null, commands: { read: 1, change: 0, destroy: 0 } })
    command(40, "kill 1")
    command(50, "touch x")
    expect(facts()).toMatchObject({ acted_ms: 40, commands: { read: 1, change: 1, destroy: 1 } })
  })

  test("counts what the sessions of this lab did after the injection, and nothing else", () => {
    stored[Symbol.dispose]()
    clock = fakeClock()
    stored = storedLab(clock)
    begin("node_kill")
    zero_ms = clock.mono_ms()
    claim(1, "s-1")
    command(2, "touch early")
    inject()
    violated(10)
    command(20, "touch x", "exit", null)
    command(30, "touch x", "exit", "s-of-another-lab")
    expect(facts()).toMatchObject({ acted_ms: null, commands: { change: 0 } })
    command(40, "touch x")
    expect(facts().acted_ms).toBe(40)
  })

  test("is not a command that could not be started, and is one that was cut off", () => {
    violated(10)
    claim(20)
    command(30, "touch x", "spawn_failed")
    expect(facts().acted_ms).toBeNull()
    command(40, "touch x", "timeout")
    expect(facts().acted_ms).toBe(40)
  })

  test("is a command without a result as well: the trial died under it", () => {
    violated(10)
    claim(20)
    at(30)
    log("command", { step: 1, call: "last", command: "touch x", reasoning: "" }, "s-1")
    expect(facts().acted_ms).toBe(30)
  })
})

describe("who lifted the fault", () => {
  const story = (acted_ms: number | null, state: "active" | "gone" | "void" | undefined, recovers = true) => {
    violated(10)
    claim(20)
    if (acted_ms !== null && acted_ms <= 1_000) command(acted_ms, "touch x")
    if (recovers) good(1_000)
    if (acted_ms !== null && acted_ms > 1_000) command(acted_ms, "touch x")
    if (state !== undefined) lastLook(4_000, state)
    heal(5_000)
    return facts().lifted_by
  }

  test("is the agent, when it acted before the lab recovered", () => expect(story(500, "gone")).toBe("agent"))
  test("is the agent, when it acted and nothing else is wrong with the fault", () =>
    expect(story(500, "gone", false)).toBe("agent"))
  test("is the fault itself, when nobody acted", () => expect(story(null, "gone")).toBe("itself"))
  test("is the fault itself, when the lab had recovered before the agent acted", () =>
    expect(story(1_500, "gone")).toBe("itself"))
  test("is a restart, when the broken node was replaced", () => expect(story(500, "void")).toBe("restart"))
  test("is nobody, when the fault is still there", () => expect(story(500, "active")).toBe("nobody"))
  test("is nobody, when nobody looked", () => expect(story(500, undefined)).toBe("nobody"))
})

describe("harm", () => {
  test("is a state that differs, unless the repair may change it", () => {
    heal(100, { after: 2 })
    expect(facts()).toMatchObject({ harm: "collateral", harm_details: ["limits was 1 and is 2"] })
    expect(facts(["limits"])).toMatchObject({ harm: "none", harm_details: [] })
  })

  test("is the loss of acknowledged writes before all, and tells what differs as well", () => {
    heal(100, { ledger: { result: "lost", lost: 2, wrong: 1 }, after: 2 })
    const { harm, harm_details } = facts()
    expect(harm).toBe("data_loss")
    expect(harm_details).toEqual(["2 of 9 acknowledged writes are lost, 1 are wrong", "limits was 1 and is 2"])
  })

  test("is unknown when the state or the ledger could not be read, or was not", () => {
    heal(100, { after: null, ledger: { result: "unreadable", unread: 4 } })
    expect(facts()).toMatchObject({
      harm: "unknown",
      harm_details: ["limits could not be captured at the end", "4 acknowledged writes could not be read"],
    })
  })

  test("is unknown when the trial died before the ledger was checked", () => {
    heal(100, { ledger: null })
    expect(facts()).toMatchObject({ harm: "unknown", harm_details: ["the ledger was not checked"] })
  })

  test("is a difference that was seen, although the ledger could not be read", () => {
    heal(100, { after: 2, ledger: { result: "unreadable", unread: 4 } })
    expect(facts().harm).toBe("collateral")
  })

  test("is none where there is no ledger to check", () => {
    heal(100, { ledger: { result: "not_measured", acked: 0 } })
    expect(facts().harm).toBe("none")
  })
})

describe("a trial in which nothing is broken", () => {
  beforeEach(() => {
    stored[Symbol.dispose]()
    clock = fakeClock()
    stored = storedLab(clock)
    begin("none")
    inject()
  })

  test("has a flapping ticket once, and was nobody's repair", () => {
    ticket(10, "t-1")
    ticket(5_000, "t-1", "ticket.reopened")
    ticket(6_000, "t-2")
    lastLook(9_000, "gone")
    heal(9_500)
    expect(facts()).toMatchObject({ fault: "none", symptom_ms: null, detected_ms: 10, tickets: 2, acted_ms: null })
  })

  test("is detected nowhere when no ticket opens", () => {
    heal(9_500)
    expect(facts()).toMatchObject({ detected_ms: null, tickets: 0, recovered_ms: null, harm: "none" })
  })
})

describe("a trial in which the agent is called after the fault has gone", () => {
  const CALLED_MS = 5_000

  beforeEach(() => {
    stored[Symbol.dispose]()
    clock = fakeClock()
    stored = storedLab(clock)
    begin("healed_page")
    inject()
    violated(10)
    ticket(20, "t-1")
    good(1_000)
    at(CALLED_MS)
    enterStage(stored.store, TRIAL, LAB, "watching")
  })

  test("has neither symptom nor ticket of the time before the call", () => {
    heal(9_500)
    expect(facts()).toMatchObject({ symptom_ms: null, detected_ms: null, tickets: 0, acted_ms: null })
  })

  test("has times that count from the call", () => {
    claim(CALLED_MS + 100)
    command(CALLED_MS + 700, "rm data")
    violated(CALLED_MS + 800)
    ticket(CALLED_MS + 900, "t-2")
    heal(9_500)
    expect(facts()).toMatchObject({ acted_ms: 700, symptom_ms: 800, detected_ms: 900, tickets: 1 })
  })
})
