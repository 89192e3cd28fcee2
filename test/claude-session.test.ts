import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DEFAULT_LIMITS, type SessionLimits } from "../src/agent/limits.ts"
import type { ClaudeOptions } from "../src/agent/model/claude.ts"
import { MAX_ATTEMPTS } from "../src/agent/model/failure.ts"
import { builtInPrices, costOf, parsePrices, type Usage } from "../src/agent/prices.ts"
import { NONE_GIVEN } from "../src/agent/report.ts"
import { localShell } from "../src/agent/sandbox/local.ts"
import { work, type WorkEnd } from "../src/agent/work.ts"
import { systemClock, waitUntil } from "../src/lib/clock.ts"
import { readBlob } from "../src/store/blobs.ts"
import { createCampaign } from "../src/store/campaigns.ts"
import { type Event, events, firstBreak } from "../src/store/events.ts"
import type { EventKind, Outcome } from "../src/store/kinds.ts"
import { getLab } from "../src/store/labs.ts"
import { sessionsOf } from "../src/store/sessions.ts"
import { campaignDollars, OUT_OF_DOLLARS, spentOn } from "../src/store/spending.ts"
import { getTicket, openTicket } from "../src/store/tickets.ts"
import type { Answer, Block, Script } from "./scripted-claude/script.ts"
import { type ScriptedClaude, startScriptedClaude } from "./scripted-claude/server.ts"
import { claudeAt, MODEL } from "./support/claude-model.ts"
import { recordLab, recordTrial, type StoredLab, storedLab } from "./support/stored-lab.ts"

// Sessions in which the scripted Claude answers over real HTTP, with a real store and a real shell.

let stored: StoredLab
let lab: string
let cwd: string
let claude: ScriptedClaude

beforeEach(() => {
  stored = storedLab()
  lab = stored.lab
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "claude-session-")))
})
afterEach(async () => {
  expect(claude.violations).toEqual([])
  await claude.close()
  expect(firstBreak(stored.store, lab)).toBeUndefined()
  const pairs = Map.groupBy(log("command", "result"), ({ body }) => body.call)
  for (const pair of pairs.values()) expect(pair.map(({ kind }) => kind)).toEqual(["command", "result"])
  stored[Symbol.dispose]()
  rmSync(cwd, { recursive: true, force: true })
})

interface Change {
  limits?: Partial<SessionLimits>
  model?: Partial<ClaudeOptions>
  signal?: AbortSignal
  attempts?: number
}

interface Ended {
  end: WorkEnd
  outcome: Outcome
  steps: number
  cost_usd: number | null
  body: Event<"session.ended">["body"]
}

/** One session of a Claude that says this. */
async function session(script: Script, change: Change = {}): Promise<Ended> {
  claude = await startScriptedClaude({ script })
  return sessionWith(claude, change)
}

async function sessionWith(at: { url: string; key: string }, change: Change = {}): Promise<Ended> {
  const { limits, model, attempts = 1, signal = new AbortController().signal } = change
  const end = await work({
    ...{
      store: stored.store,
      lab,
      brief: "a lab",
      told: [],
      variant: "v",
      shell: localShell({ cwd, env: {} }),
      attempts,
    },
    ...{ limits: { ...DEFAULT_LIMITS, ...limits }, verify: async () => true, signal },
    model: () => claudeAt(at, model),
  })
  const { outcome, steps, cost_usd } = sessionsOf(stored.store, lab).at(-1)!
  return { end, outcome: outcome!, steps, cost_usd, body: log("session.ended").at(-1)!.body }
}

const log = <K extends EventKind>(...kinds: K[]): Event<K>[] => events(stored.store, lab, { kinds })
const order = () => log("message", "command", "result", "model.failed").map(({ kind }) => kind)
const inCwd = (file: string) => existsSync(join(cwd, file))
const call = (command: string) => ({ reasoning: "because", command })
const runs = (...commands: string[]) => ({ call: commands.map(call) })
const DONE = { say: "Done." }
const FAILS = { status: 529, headers: { "retry-after-ms": "1" } }
const spending = () =>
  stored.store.db
    .query<{ reserved_usd: number; spent_usd: number | null }, []>("select reserved_usd, spent_usd from spending")
    .all()

const SIGHTING = (lab: string) => ({
  ...{
    lab,
    invariant: "health",
    node: "a",
    kind: "violated" as const,
    role: "gate" as const,
    severity: "critical" as const,
  },
  observation: {},
})

/** The results that the request of this number, counted from 0, has brought back last. */
function resultsIn(request: number): Block[] {
  const { content } = claude.requests[request]!.body.messages.at(-1)!
  return (content as Block[]).filter(({ type }) => type === "tool_result")
}

describe("a session", () => {
  test("runs what Claude calls, one after the other, and gives it each result", async () => {
    const say = "The disk was full.\n```report\ncause: a full disk\nnode: a\n```"
    const { end, outcome, steps, body } = await session([
      {
        think: "What is there?",
        say: "I look first.",
        call: [call("echo one >> f"), call("cat f; echo two >&2; exit 3")],
      },
      runs("touch repaired"),
      { say },
    ])
    expect({ end, outcome, steps }).toEqual({ end: "verified", outcome: { kind: "claims_done" }, steps: 3 })
    expect(order()).toEqual([
      ...["message", "command", "result", "command", "result"],
      ...["message", "command", "result", "message"],
    ] as never)
    const [first, second] = resultsIn(1)
    expect(first!.content).toMatch(/^exit 0 in /)
    expect(second!.content).toMatch(/^exit 3 in .*\none\ntwo\n$/)
    expect(inCwd("repaired")).toBe(true)
    expect(body).toMatchObject({ report: say, diagnosis: { cause: "a full disk", node: "a", kind: NONE_GIVEN } })
    const [message] = log("message")
    expect(message!.body).toMatchObject({ thinking: "What is there?", text: "I look first.", model: MODEL })
    expect(message!.body.request_id).toBe(claude.requests[0]!.request_id)
    expect(log("page")[0]!.body.text).toContain("a lab")
  })

  test.each<[string, Answer, Outcome]>([
    ["words alone", DONE, { kind: "claims_done" }],
    ["thinking alone", { think: "Hm." }, { kind: "claims_done" }],
    ["nothing", {}, { kind: "claims_done" }],
    ["an escalation", { say: "ESCALATE: a disk died" }, { kind: "gave_up", reason: "a disk died" }],
    [
      "a refusal",
      { stop_reason: "refusal", stop_details: { type: "refusal", category: "cyber" }, model: "claude-haiku-5-5" },
      { kind: "refused", category: "cyber", model: "claude-haiku-5-5" },
    ],
    ["a refusal without a category", { stop_reason: "refusal" }, { kind: "refused", category: null, model: MODEL }],
    [
      "a call that is cut off",
      { call: { name: "shell", json: '{"reasoning": "x", "command": "touch ran; tou' }, stop_reason: "max_tokens" },
      { kind: "model_error", reason: "the turn was cut off: max_tokens" },
    ],
    [
      "a whole call before the cut",
      { ...runs("touch ran"), stop_reason: "max_tokens" },
      { kind: "model_error", reason: "the turn was cut off: max_tokens" },
    ],
    [
      "a full context",
      { ...runs("touch ran"), stop_reason: "model_context_window_exceeded" },
      { kind: "model_error", reason: "the turn was cut off: model_context_window_exceeded" },
    ],
    [
      "a reason of tomorrow",
      { ...runs("touch ran"), stop_reason: "reflection" },
      { kind: "model_error", reason: "unknown stop reason: reflection" },
    ],
    [
      "a call that is none",
      { say: "x", stop_reason: "tool_use" },
      { kind: "model_error", reason: "the turn asks for a tool and holds no call" },
    ],
  ])("that gets %s as its one turn has its own outcome, and runs nothing", async (_, answer, outcome) => {
    const ended = await session([answer])
    expect({ outcome: ended.outcome, steps: ended.steps }).toEqual({ outcome, steps: 1 })
    expect(order()).toEqual(["message"])
    expect(inCwd("ran")).toBe(false)
    if (outcome.kind === "refused")
      expect(log("message")[0]!.body).toMatchObject({ refusal_category: outcome.category })
  })

  test("reads a megabyte of words, and keeps it", async () => {
    const say = "ä😀x".repeat(200_000)
    const { body } = await session([{ say, ...runs("true") }, { say }], { limits: { usd: null } })
    expect(body.report === say).toBe(true)
    expect(log("message").map(({ body }) => body.text === say)).toEqual([true, true])
  })

  test("gives a megabyte of output back by its head and tail, and keeps all of it", async () => {
    await session([runs("seq 1 200000"), DONE])
    expect(String(resultsIn(1)[0]!.content).length).toBeLessThan(20_000)
    expect(readBlob(stored.store, log("result")[0]!.blob!)!.length).toBeGreaterThan(1_000_000)
  })

  test("tells Claude what is wrong with a call, which may try again", async () => {
    const { outcome } = await session([
      {
        call: [
          { name: "shell", input: { command: "touch ran" } },
          { name: "shell", input: { reasoning: "x", command: "  " } },
          { name: "shell", input: ["ls"] },
          { name: "browser", input: { url: "x" } },
          call("echo fine"),
        ],
      },
      DONE,
    ])
    expect(outcome).toEqual({ kind: "claims_done" })
    expect(resultsIn(1).map(({ is_error }) => is_error ?? false)).toEqual([true, true, true, true, false])
    expect(resultsIn(1)[3]!.content).toContain('no tool "browser"')
    expect(log("command")).toHaveLength(1)
    expect(inCwd("ran")).toBe(false)
  })

  test("never runs half of a command: the turn is asked for once more", async () => {
    const half = { name: "shell", json: '{"reasoning": "Clean up.", "command": "touch ran; touch ra' }
    const { outcome } = await session([{ call: half }, runs("touch whole"), DONE])
    expect(outcome).toEqual({ kind: "claims_done" })
    expect([inCwd("ran"), inCwd("whole")]).toEqual([false, true])
    expect(order()).toEqual(["model.failed", "message", "command", "result", "message"])
  })

  test("gives blocks that nobody knows back as they came", async () => {
    const blocks = [
      { type: "hologram", data: { b: 1, a: [null] } },
      { type: "redacted_thinking", data: "x" },
    ]
    await session([{ blocks, think: "Hm.", ...runs("true") }, DONE])
    const { content } = claude.requests[1]!.body.messages[1]!
    expect((content as Block[]).map(({ type }) => type)).toEqual([
      "thinking",
      "hologram",
      "redacted_thinking",
      "tool_use",
    ])
  })

  test("goes on from a pause, also from one with a call", async () => {
    const search: Block[] = [
      { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "etcd" } },
      { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [] },
    ]
    const { outcome, steps } = await session([
      { blocks: search, stop_reason: "pause_turn" },
      { blocks: search.map((block) => ({ ...block })), ...runs("touch ran"), stop_reason: "pause_turn" },
      DONE,
    ])
    expect({ outcome, steps }).toEqual({ outcome: { kind: "claims_done" }, steps: 3 })
    expect(inCwd("ran")).toBe(true)
    expect(log("message")[0]!.body.server_calls).toMatchObject(search)
  })
})

describe("a model that gives no turn", () => {
  const TOO_LONG = { type: "error", error: { type: "invalid_request_error", message: "prompt is too long: 9 tokens" } }

  test.each<[string, Answer, Partial<Extract<Outcome, { kind: "model_error" }>>]>([
    ["since the prompt is too long", { status: 400, body: TOO_LONG }, {}],
    ["since the request is too large", { status: 413 }, {}],
    ["since it does not exist", { status: 404 }, { unreachable: true }],
    ["for a day", { status: 429, headers: { "retry-after": "86400" } }, { unreachable: true }],
  ])("%s ends the session, with what came before on record", async (_, answer, more) => {
    const { outcome, steps } = await session([runs("echo 1"), answer])
    expect(structuredClone(outcome)).toEqual({ kind: "model_error", reason: expect.any(String), ...more } as Outcome)
    expect(steps).toBe(1)
    expect(order()).toEqual(["message", "command", "result", "model.failed"])
    expect(log("model.failed")[0]!.body).toMatchObject({ step: 2, pause_ms: null, cost_usd: 0 })
    expect(spentOn(stored.store, { session: sessionsOf(stored.store, lab)[0]!.id }).reserved_usd).toBe(0)
  })

  test("ends the work at once as unreachable: no second session, no escalation, and no attempt is counted", async () => {
    const ticket = openTicket(stored.store, SIGHTING(lab))
    claude = await startScriptedClaude({ answers: () => ({ status: 529, headers: { "retry-after": "1" } }) })
    const { end, outcome, steps, cost_usd, body } = await sessionWith(claude, { attempts: 2 })
    expect({ end, steps, cost_usd }).toEqual({ end: "unreachable", steps: 0, cost_usd: 0 })
    expect(outcome).toMatchObject({ kind: "model_error", unreachable: true })
    expect(sessionsOf(stored.store, lab)).toHaveLength(1)
    expect(log("model.failed")).toHaveLength(MAX_ATTEMPTS)
    expect(claude.requests).toHaveLength(MAX_ATTEMPTS)
    expect(body.totals).toMatchObject({ input_tokens: 0, cache_hit_rate: null })
    expect(body.totals!.waited_ms).toBe(body.totals!.model_ms)
    expect(getTicket(stored.store, ticket)!.state).toBe("open")
    expect(getLab(stored.store, lab)).toMatchObject({ session: null, attempts: 0 })
  })

  test("since the key is wrong or missing cannot be reached", async () => {
    claude = await startScriptedClaude({ script: [DONE] })
    const wrong = await sessionWith({ url: claude.url, key: "wrong" }, { attempts: 2 })
    expect(wrong).toMatchObject({ end: "unreachable", outcome: { kind: "model_error", unreachable: true } })
    expect(log("model.failed").map(({ body }) => body.status)).toEqual([401, 401])
    lab = recordLab(stored.store, "kv-2")
    const missing = await sessionWith(claude, { model: { env: {} } })
    expect(missing.end).toBe("unreachable")
    expect(structuredClone(missing.outcome)).toMatchObject({ reason: expect.stringContaining("ANTHROPIC_API_KEY") })
    expect(claude.requests).toEqual([])
    expect(getLab(stored.store, lab)!.attempts).toBe(0)
  })

  const TRIAL_ENDS = "the trial has ended"

  /** What comes of a trial that ends as soon as `ready`. */
  async function trialEnds(script: Script, ready: () => boolean) {
    const trial = new AbortController()
    const working = session(script, { signal: trial.signal, attempts: 2, model: { clock: systemClock } })
    expect(await waitUntil(ready, { timeout_ms: 10_000, every_ms: 5 })).toBe(true)
    trial.abort(TRIAL_ENDS)
    return working
  }

  test("until its trial has ended was not reached, with the last failure as the reason", async () => {
    const { end, outcome, steps } = await trialEnds(
      [runs("true"), FAILS, { status: 529, headers: { "retry-after": "100" } }],
      () => log("model.failed").length === 2,
    )
    const [, last] = log("model.failed")
    const reason = last!.body.reason
    expect({ end, outcome, steps }).toEqual({
      ...{ end: "unreachable", steps: 1 },
      outcome: { kind: "model_error", reason, unreachable: true },
    })
    expect(reason).toContain("529")
    expect(getLab(stored.store, lab)).toMatchObject({ session: null, attempts: 0 })
  })

  test("when its trial ends while it is first asked was only halted, and a turn that came forgets the failures before it", async () => {
    const halted = await trialEnds(
      [FAILS, runs("true"), { say: "Some words.", stalls_ms: 60_000 }],
      () => claude?.served_ms.length === 3 && log("result").length === 1,
    )
    expect(halted).toMatchObject({ end: "stopped", outcome: { kind: "halted", reason: TRIAL_ENDS }, steps: 1 })
    expect(getLab(stored.store, lab)).toMatchObject({ session: null, attempts: 0 })
  })
})

describe("a failed attempt", () => {
  test("is on record before the turn that came at last, which has waited for it", async () => {
    const broken: Answer = {
      say: "Some words.",
      error_event: { type: "overloaded_error", message: "x" },
      after: "some",
    }
    const { cost_usd, body } = await session([broken, FAILS, runs("true"), DONE], {
      model: { clock: systemClock },
    })
    expect(order()).toEqual(["model.failed", "model.failed", "message", "command", "result", "message"])
    const [first, second] = log("model.failed").map(({ body }) => body)
    expect(first).toMatchObject({ step: 1, status: null, reason: "overloaded_error: x", pause_ms: 500 })
    expect(second).toMatchObject({ step: 1, status: 529, pause_ms: 1, cost_usd: 0 })
    const [turn, last] = log("message").map(({ body }) => body)
    expect(turn!.waited_ms!).toBeGreaterThanOrEqual(500)
    expect(last!.waited_ms).toBeUndefined()
    // Nobody says what a stream that broke has cost: it counts as all that was set aside for it.
    expect([first!.cost_usd, cost_usd]).toEqual([null, null])
    const [broke, refused, ...had] = spending()
    expect(broke!.spent_usd).toBe(broke!.reserved_usd)
    expect(refused!.spent_usd).toBe(0)
    expect(had.map(({ spent_usd }) => spent_usd)).toEqual([turn!.cost_usd!, last!.cost_usd!])
    expect(body.totals!.waited_ms).toBeGreaterThanOrEqual(500)
    expect(body.totals!.waited_ms).toBeLessThanOrEqual(body.totals!.model_ms)
  })
})

describe("what a session used", () => {
  test("is with each message, and added up at its end", async () => {
    const { cost_usd, body } = await session([runs("echo 1"), runs("echo 2"), runs("echo 3"), DONE])
    const prices = await builtInPrices()
    const usages = log("message").map(({ body }) => body.usage as Usage)
    const sum = (count: (usage: Usage) => number | null | undefined) =>
      usages.reduce((all, usage) => all + (count(usage) ?? 0), 0)
    const totals = {
      input_tokens: sum(({ input_tokens }) => input_tokens),
      output_tokens: sum(({ output_tokens }) => output_tokens),
      cache_read_tokens: sum((usage) => usage.cache_read_input_tokens),
      cache_write_tokens: sum((usage) => usage.cache_creation_input_tokens),
    }
    expect(body.totals).toMatchObject(totals)
    const prompts = totals.input_tokens + totals.cache_read_tokens + totals.cache_write_tokens
    expect(body.totals!.cache_hit_rate).toBeCloseTo(totals.cache_read_tokens / prompts, 12)
    expect(body.totals!.cache_hit_rate!).toBeGreaterThan(0.5)
    expect(cost_usd!).toBeCloseTo(
      sum((usage) => costOf(prices, MODEL, usage)),
      12,
    )
    expect(log("message").map(({ body }) => body.cost_usd!)).toEqual(
      usages.map((usage) => costOf(prices, MODEL, usage)!),
    )
  })

  test("is that of the model that answered, whichever was asked for", async () => {
    const { outcome } = await session([{ ...runs("true"), model: "claude-haiku-5-5" }, DONE])
    expect(outcome).toEqual({ kind: "claims_done" })
    expect(log("message").map(({ body }) => body.model)).toEqual(["claude-haiku-5-5", MODEL])
    expect(claude.requests.map(({ body }) => body.model)).toEqual([MODEL, MODEL])
    const [{ body }] = log("message") as [Event<"message">]
    expect(body.cost_usd).toBe(costOf(await builtInPrices(), "claude-haiku-5-5", body.usage as Usage)!)
  })

  test("is not known once a model answered of which nobody knows the price", async () => {
    const { cost_usd, outcome } = await session([{ ...runs("true"), model: "claude-of-tomorrow" }, DONE])
    expect({ cost_usd, outcome }).toEqual({ cost_usd: null, outcome: { kind: "claims_done" } })
    const [unknown, known] = spending()
    expect(unknown!.spent_usd).toBe(unknown!.reserved_usd)
    expect(known!.spent_usd!).toBeLessThan(known!.reserved_usd)
  })
})

describe("dollars", () => {
  test("are set aside for each request, and settled by what it cost", async () => {
    const seen: (number | null)[][] = []
    claude = await startScriptedClaude({
      answers: (_, index) => {
        seen.push(spending().map(({ spent_usd }) => spent_usd))
        return [FAILS, runs("true"), DONE][index]!
      },
    })
    const { cost_usd } = await sessionWith(claude)
    expect(seen.map((rows) => rows.map((spent) => spent === null))).toEqual([
      [true],
      [false, true],
      [false, false, true],
    ])
    const rows = spending()
    expect(rows[0]!.spent_usd).toBe(0)
    for (const { reserved_usd, spent_usd } of rows) expect(reserved_usd).toBeGreaterThan(spent_usd!)
    expect(rows.reduce((sum, { spent_usd }) => sum + spent_usd!, 0)).toBeCloseTo(cost_usd!, 12)
  })

  test("that are used up end the session before a turn that could pass the limit", async () => {
    claude = await startScriptedClaude({ answers: () => ({ ...runs("true"), usage: { output_tokens: 10_000 } }) })
    const { outcome, steps, cost_usd } = await sessionWith(claude, { limits: { usd: 1 } })
    expect(outcome).toEqual({ kind: "limit", which: "usd" })
    expect(cost_usd!).toBeLessThanOrEqual(1)
    expect(cost_usd!).toBeGreaterThan(0.4)
    expect(claude.requests).toHaveLength(steps)
  })

  test("are used up by attempts that fail as well: not even they pass the limit", async () => {
    const broken: Answer = { say: "Some words.", error_event: { type: "api_error", message: "x" }, after: "some" }
    claude = await startScriptedClaude({ answers: () => broken })
    const { outcome, cost_usd } = await sessionWith(claude, { limits: { usd: 1 } })
    expect(outcome).toEqual({ kind: "limit", which: "usd" })
    expect(cost_usd).toBeNull()
    const rows = spending()
    for (const { reserved_usd, spent_usd } of rows) expect(spent_usd).toBe(reserved_usd)
    const spent_usd = rows.reduce((sum, row) => sum + row.spent_usd!, 0)
    expect(spent_usd).toBeLessThanOrEqual(1)
    expect(spent_usd + rows[0]!.reserved_usd).toBeGreaterThan(1)
    expect(claude.requests).toHaveLength(rows.length)
    expect(log("model.failed")).toHaveLength(rows.length)
    expect(rows.length).toBeWithin(2, MAX_ATTEMPTS)
  })

  test("of a campaign stop its session as soon as they are used up", async () => {
    createCampaign(stored.store, { id: "c", name: "kv none", matrix_hash: "0", matrix: "{}", limit_usd: 0.5 })
    recordTrial(stored.store, "c", "t")
    lab = recordLab(stored.store, "kv-2", "t")
    claude = await startScriptedClaude({ answers: () => ({ ...runs("true"), usage: { output_tokens: 10_000 } }) })
    const { end, outcome } = await sessionWith(claude)
    expect({ end, outcome }).toEqual({ end: "out_of_dollars", outcome: { kind: "halted", reason: OUT_OF_DOLLARS } })
    const { spent_usd, reserved_usd } = campaignDollars(stored.store, "c")
    expect(spent_usd).toBeGreaterThan(0)
    expect(spent_usd).toBeLessThanOrEqual(0.5)
    expect(reserved_usd).toBe(0)
  })

  test("with a limit, and a model without a price: nothing is asked", async () => {
    const prices = await parsePrices("as_of: 2026-11-20\nmodels: {}\n", "empty")
    const { end, outcome, steps } = await session([DONE], { model: { prices } })
    expect({ end, steps }).toEqual({ end: "unreachable", steps: 0 })
    expect(structuredClone(outcome)).toMatchObject({
      kind: "model_error",
      reason: expect.stringContaining("not known"),
    })
    expect(claude.requests).toEqual([])
    lab = recordLab(stored.store, "kv-2")
    const unlimited = await sessionWith(claude, { model: { prices }, limits: { usd: null } })
    expect(unlimited).toMatchObject({ end: "verified", cost_usd: null })
  })
})

describe("a limit", () => {
  test("of steps is kept to the step", async () => {
    claude = await startScriptedClaude({ answers: () => runs("true") })
    const { outcome, steps } = await sessionWith(claude, { limits: { steps: 3 } })
    expect({ outcome, steps }).toEqual({ outcome: { kind: "limit", which: "steps" }, steps: 3 })
    expect(claude.requests).toHaveLength(3)
  })

  test("of steps holds for turns that only pause", async () => {
    claude = await startScriptedClaude({ answers: () => ({ say: "Wait.", stop_reason: "pause_turn" }) })
    expect(await sessionWith(claude, { limits: { steps: 5 } })).toMatchObject({ steps: 5, outcome: { which: "steps" } })
  })

  test.each<[string, Answer]>([
    ["a stream that stalls", { say: "Some words.", stalls_ms: 60_000 }],
    ["a pause between two attempts", { status: 529, headers: { "retry-after": "100" } }],
    ["a command", runs("touch began; sleep 60")],
  ])("of minutes ends %s", async (_, answer) => {
    const started_ms = performance.now()
    const { outcome } = await session([answer, DONE], { limits: { minutes: 0.01 }, model: { clock: systemClock } })
    expect(outcome).toEqual({ kind: "limit", which: "time" })
    expect(performance.now() - started_ms).toBeLessThan(5_000)
  })
})

describe("an interruption", () => {
  const PROMPT_MS = 5_000

  async function interrupted(script: Script, ready: () => boolean): Promise<Ended> {
    const stop = new AbortController()
    const working = session(script, { signal: stop.signal, model: { clock: systemClock } })
    expect(await waitUntil(ready, { timeout_ms: 10_000, every_ms: 5 })).toBe(true)
    const stopped_ms = performance.now()
    stop.abort()
    const ended = await working
    expect(performance.now() - stopped_ms).toBeLessThan(PROMPT_MS)
    expect(ended).toMatchObject({ end: "stopped", outcome: { kind: "interrupted" } })
    return ended
  }

  test("in the middle of a command ends it at once, and its result is kept", async () => {
    const { steps } = await interrupted([runs("echo began; touch began; sleep 60", "touch second")], () =>
      inCwd("began"),
    )
    expect(steps).toBe(1)
    expect(log("result")[0]!.body).toMatchObject({ ended_by: "interrupted", shown: "began\n" })
    expect(inCwd("second")).toBe(false)
  })

  test("in the middle of a stream ends it at once, and counts as all that was set aside for it", async () => {
    const { steps, cost_usd } = await interrupted(
      [runs("true"), { ...runs("touch ran"), stalls_ms: 60_000 }],
      () => claude?.served_ms.length === 2 && log("result").length === 1,
    )
    expect(steps).toBe(1)
    const [failed] = log("model.failed")
    expect(failed!.body).toMatchObject({ step: 2, reason: "interrupted", pause_ms: null, cost_usd: null })
    expect(cost_usd).toBeNull()
    expect(inCwd("ran")).toBe(false)
    const [, cut] = spending()
    expect(cut!.spent_usd).toBe(cut!.reserved_usd)
  })

  test("in a pause between two attempts ends it at once, and costs nothing", async () => {
    const { cost_usd } = await interrupted(
      [{ status: 529, headers: { "retry-after": "100" } }],
      () => log("model.failed").length === 1,
    )
    expect(cost_usd).toBe(0)
    expect(spending().map(({ spent_usd }) => spent_usd)).toEqual([0, 0])
  })
})

test("a hundred turns go on from one another byte for byte, and each call has its one result", async () => {
  const kinds: Answer[] = [
    runs("echo 1", "echo 2"),
    { think: "Hm.", ...runs("echo 3") },
    { say: "x", stop_reason: "pause_turn" },
    { call: { name: "browser", input: {} } },
    FAILS,
  ]
  claude = await startScriptedClaude({ answers: (_, index) => (index < 125 ? kinds[index % kinds.length]! : DONE) })
  const { outcome, steps } = await sessionWith(claude, { limits: { steps: 200 } })
  expect({ outcome, steps }).toEqual({ outcome: { kind: "claims_done" }, steps: 101 })
  expect(log("command")).toHaveLength(75)
})
