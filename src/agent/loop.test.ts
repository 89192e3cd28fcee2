import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { calls, resultsIn, runs, says, type Scripted, scriptedModel } from "../../test/support/scripted-model.ts"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { type Clock, waitUntil } from "../lib/clock.ts"
import { readBlob } from "../store/blobs.ts"
import { type Event, events, firstBreak } from "../store/events.ts"
import type { EventKind, Outcome } from "../store/kinds.ts"
import { claimLab, type Lease } from "../store/sessions.ts"
import { DEFAULT_LIMITS, LEASE_MS } from "./limits.ts"
import { type Conversation, converse } from "./loop.ts"
import { localShell } from "./sandbox/local.ts"
import type { Shell } from "./sandbox/shell.ts"

let stored: StoredLab
let lease: Lease
let cwd: string

function begin(clock?: Clock): void {
  stored = storedLab(clock)
  lease = claim("s-1")!
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "loop-")))
}

beforeEach(() => begin())
afterEach(() => {
  expect(firstBreak(stored.store, stored.lab)).toBeUndefined()
  end()
})

function end(): void {
  stored[Symbol.dispose]()
  rmSync(cwd, { recursive: true, force: true })
}

/** The same on a clock that stands until it is moved. */
function onFakeClock() {
  end()
  const clock = fakeClock()
  begin(clock)
  return clock
}

function claim(session: string) {
  const { store, lab } = stored
  return claimLab(store, { lab, session, variant: "v", model: "scripted", lease_ms: LEASE_MS, max_attempts: 9 })
}

type Change = Partial<Omit<Conversation, "limits">> & { limits?: Partial<Conversation["limits"]> }

/** One conversation with a model of these turns. */
async function talk(turns: Scripted[], change: Change = {}) {
  const model = scriptedModel(...turns)
  const conversation = {
    ...{ store: stored.store, lease, model, shell: localShell({ cwd, env: {} }), page: "the page", news: () => "" },
    ...{ signal: new AbortController().signal },
    ...change,
    limits: { ...DEFAULT_LIMITS, ...change.limits },
  }
  const end = await converse(conversation)
  expect(model.onlyGrew()).toBe(true)
  return { ...end, asked: model.asked }
}

const log = <K extends EventKind>(...kinds: K[]): Event<K>[] => events(stored.store, stored.lab, { kinds })
const order = () => log("page", "message", "command", "result").map(({ kind }) => kind)
const blobOf = (event: Event | undefined) => Buffer.from(readBlob(stored.store, event!.blob!)!).toString()
const inCwd = (file: string) => existsSync(join(cwd, file))

describe("a turn's stop reason", () => {
  const text = "some words"
  const cut = { ...runs("touch ran"), stop_reason: "max_tokens" }
  const refusal = { ...says("no", "refusal"), refusal_category: "cyber", model: "scripted-2" }
  const table: [what: string, turn: Scripted, outcome: Outcome][] = [
    ["end_turn claims that the work is done", says(text), { kind: "claims_done" }],
    ["stop_sequence claims the same", says(text, "stop_sequence"), { kind: "claims_done" }],
    [
      "end_turn with ESCALATE: gives up",
      says("\nESCALATE: a disk died\nmore"),
      { kind: "gave_up", reason: "a disk died" },
    ],
    ["ESCALATE: in the middle is no escalation", says("I did not ESCALATE: it"), { kind: "claims_done" }],
    ["end_turn with nothing claims too", { content: [] }, { kind: "claims_done" }],
    ["refusal is its own end, with who refused", refusal, { kind: "refused", category: "cyber", model: "scripted-2" }],
    ["refusal without a category", says("", "refusal"), { kind: "refused", category: null, model: "scripted-1" }],
    ["max_tokens is a turn that was cut off, and its call is not run", cut, modelError("max_tokens")],
    ["a full context is the same", { ...cut, stop_reason: "model_context_window_exceeded" }, modelError("context")],
    ["tool_use without a call is no turn", says(text, "tool_use"), modelError("holds no call")],
    [
      "one that nobody knows is named",
      { ...cut, stop_reason: "compaction" },
      modelError("unknown stop reason: compaction"),
    ],
  ]
  for (const [what, turn, outcome] of table) {
    test(what, async () => {
      const end = await talk([turn])
      expect(end).toMatchObject({ outcome, steps: 1 })
      expect(inCwd("ran")).toBe(false)
      expect(order()).toEqual(["page", "message"])
    })
  }

  test("pause_turn asks again with what was said so far", async () => {
    const { outcome, asked, steps, report } = await talk([says("thinking", "pause_turn"), says("done")])
    expect({ outcome, steps, report }).toEqual({ outcome: { kind: "claims_done" }, steps: 2, report: "done" })
    expect(asked[1]!.map(({ role }) => role)).toEqual(["user", "assistant"])
  })

  test("pause_turn with a call has it run: it waits for its result", async () => {
    const { outcome, asked } = await talk([{ ...runs("touch ran"), stop_reason: "pause_turn" }, says("done")])
    expect(outcome).toEqual({ kind: "claims_done" })
    expect(inCwd("ran")).toBe(true)
    expect(resultsIn(asked[1]!.at(-1))).toMatchObject([{ tool_use_id: "c1" }])
  })

  test("pause_turn with nothing cannot be gone on from", async () => {
    expect((await talk([{ stop_reason: "pause_turn" }])).outcome).toEqual(modelError("paused before it began"))
  })

  test("ends with the model's last words as the report", async () => {
    expect((await talk([says("all is well")])).report).toBe("all is well")
    expect((await talk([{ ...says("too lo"), stop_reason: "max_tokens" }])).report).toBe("too lo")
  })
})

describe("a call", () => {
  test("is run, and its result is what the model sees next", async () => {
    const { asked, steps, outcome } = await talk([runs("echo out; echo err >&2; exit 3"), says("done")])
    expect({ steps, outcome }).toEqual({ steps: 2, outcome: { kind: "claims_done" } })
    const [result] = resultsIn(asked[1]!.at(-1))
    expect(result).toMatchObject({ tool_use_id: "c1", content: expect.stringMatching(/^exit 3 in .*\nout\nerr\n$/) })
    expect(result).not.toHaveProperty("is_error")
    expect(order()).toEqual(["page", "message", "command", "result", "message"])
  })

  test("that prints nothing has its end alone as the result", async () => {
    const { asked } = await talk([runs("true"), says("done")])
    expect(resultsIn(asked[1]!.at(-1))[0]!.content).toMatch(/^exit 0 in \d+ ms$/)
    expect(log("result")[0]).toMatchObject({ blob: null, body: { exit_code: 0, output_bytes: 0 } })
  })

  test("is one of several in a turn, which are run in order with exactly one result each", async () => {
    const { asked } = await talk([runs("echo 1 >> x; sleep 0.2", "echo 2 >> x", "cat x; false"), says("done")])
    const results = resultsIn(asked[1]!.at(-1))
    expect(results.map(({ tool_use_id }) => tool_use_id)).toEqual(["c1", "c2", "c3"])
    expect(results[2]!.content).toEndWith("\n1\n2\n")
    expect(asked[1]!.at(-1)!.content).toHaveLength(3)
    const pairs = log("command", "result").map(({ kind, body }) => `${kind} ${body.step} ${body.call}`)
    expect(pairs).toEqual(["c1", "c2", "c3"].flatMap((id) => [`command 1 ${id}`, `result 1 ${id}`]))
  })

  test("is in the store before it runs: the command itself reads it there", async () => {
    const script = `import { Database } from "bun:sqlite"
      const rows = new Database(process.argv[1], { readonly: true }).query("select kind from events order by seq").all()
      console.log(rows.map(({ kind }) => kind).join(" "))`
    writeFileSync(join(cwd, "look.js"), script)
    await talk([runs(`"${process.execPath}" -e "$(cat look.js)" "${stored.file}"`), says("done")])
    expect(blobOf(log("result")[0])).toBe("lab.created session.claimed page message command\n")
    const [command] = log("command")
    expect(command!.body).toMatchObject({ step: 1, call: "c1", reasoning: "because" })
    expect(command!.session).toBe("s-1")
  })

  test("has its whole output in the store, also where the model sees head and tail", async () => {
    const { asked } = await talk([runs("seq 1 20000"), says("done")])
    const whole = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join("")
    const [result] = log("result")
    expect(blobOf(result)).toBe(whole)
    expect(result!.body).toMatchObject({ exit_code: 0, ended_by: "exit", output_bytes: whole.length })
    expect(result!.body.shown.length).toBeLessThan(20_000)
    expect(resultsIn(asked[1]!.at(-1))[0]!.content).toEndWith(result!.body.shown)
  })

  test("that takes too long keeps what it printed, and the model may go on", async () => {
    const started_ms = performance.now()
    const { asked, outcome } = await talk([runs("echo before; sleep 60; echo after"), says("done")], {
      limits: { command_timeout_ms: 300 },
    })
    expect(performance.now() - started_ms).toBeLessThan(10_000)
    expect(outcome).toEqual({ kind: "claims_done" })
    expect(log("result")[0]!.body).toMatchObject({ ended_by: "timeout", exit_code: null })
    expect(blobOf(log("result")[0])).toBe("before\n")
    expect(resultsIn(asked[1]!.at(-1))[0]).toMatchObject({
      is_error: true,
      content: expect.stringContaining("timed out"),
    })
  })

  test("that cannot be started is a result as well", async () => {
    const { asked } = await talk([runs("true"), says("done")], {
      shell: localShell({ cwd: join(cwd, "gone"), env: {} }),
    })
    expect(log("result")[0]!.body).toMatchObject({ ended_by: "spawn_failed", exit_code: null })
    expect(resultsIn(asked[1]!.at(-1))[0]!.is_error).toBe(true)
  })
})

describe("a call that is not well formed", () => {
  const good = { command: "echo fine", reasoning: "because" }
  const table: [what: string, input: unknown, reason: string][] = [
    ["no object", "ls", "no object"],
    ["null", null, "no object"],
    ["no command", { reasoning: "x" }, "`command`"],
    ["an empty command", { command: " \n", reasoning: "x" }, "`command`"],
    ["a command that is no text", { command: ["ls"], reasoning: "x" }, "`command`"],
    ["no reasoning", { command: "ls" }, "`reasoning`"],
  ]
  for (const [what, input, reason] of table) {
    test(`(${what}) is told to the model, which may try again`, async () => {
      const { asked, outcome } = await talk([calls(input, good), says("done")])
      const [wrong, right] = resultsIn(asked[1]!.at(-1))
      expect(wrong).toMatchObject({ tool_use_id: "c1", is_error: true, content: expect.stringContaining(reason) })
      expect(right).toMatchObject({ tool_use_id: "c2", content: expect.stringContaining("fine") })
      expect(outcome).toEqual({ kind: "claims_done" })
      expect(log("command").map(({ body }) => body.call)).toEqual(["c2"])
    })
  }

  test("of a tool that does not exist is told the one that does", async () => {
    const block = { type: "tool_use", id: "c1", name: "bash", input: good } as const
    const { asked } = await talk([{ content: [block], stop_reason: "tool_use" }, says("done")])
    expect(resultsIn(asked[1]!.at(-1))[0]).toMatchObject({
      is_error: true,
      content: expect.stringContaining('no tool "bash"'),
    })
    expect(order()).toEqual(["page", "message", "message"])
  })

  test("is in the log with the message that made it, like every other call, run or not", async () => {
    await talk([calls({ comand: "rm x" }), { ...runs("touch ran"), stop_reason: "max_tokens" }])
    const asked = log("message").map(({ body }) => body.calls)
    expect(asked).toEqual([
      [{ call: "c1", name: "shell", input: { comand: "rm x" } }],
      [{ call: "c1", name: "shell", input: { command: "touch ran", reasoning: "because" } }],
    ])
  })
})

describe("a limit", () => {
  const endless = (cost_usd: number) => ({ ...runs("true"), cost_usd })

  test("of steps is kept to the step", async () => {
    const end = await talk([endless(0)], { limits: { steps: 3 } })
    expect(end).toMatchObject({ outcome: { kind: "limit", which: "steps" }, steps: 3 })
    expect(log("result")).toHaveLength(3)
  })

  test("of dollars is not passed: a turn that may cost more than what is left is not asked for", async () => {
    const end = await talk([endless(0.4)], { limits: { usd: 1 } })
    expect(end).toMatchObject({ outcome: { kind: "limit", which: "usd" }, steps: 2 })
    expect(end.cost_usd).toBeCloseTo(0.8)
    expect(end.asked).toHaveLength(2)
  })

  test("of time is passed by one turn at most, whose calls are not run", async () => {
    const clock = onFakeClock()
    const slow = () => {
      clock.advance(400_000)
      return runs("touch ran; echo ran >> log")
    }
    const end = await talk([slow], { limits: { minutes: 15 } })
    expect(end).toMatchObject({ outcome: { kind: "limit", which: "time" }, steps: 3 })
    expect(log("command")).toHaveLength(2)
  })

  test("of time leaves a command what is left of it", async () => {
    const clock = onFakeClock()
    const late = () => {
      clock.advance(59_700)
      return runs("echo began; sleep 60")
    }
    const started_ms = performance.now()
    await talk([late, says("done")], { limits: { minutes: 1 } })
    expect(performance.now() - started_ms).toBeLessThan(10_000)
    expect(log("result")[0]!.body).toMatchObject({ ended_by: "timeout" })
  })

  test("of time ends a turn that hangs", async () => {
    const hangs = (_: unknown, signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))))
    const end = await talk([hangs], { limits: { minutes: 0.005 } })
    expect(end).toMatchObject({ outcome: { kind: "limit", which: "time" }, steps: 0 })
  })
})

describe("an interruption", () => {
  test("in the middle of a command ends it at once, keeps what it printed, and runs nothing more", async () => {
    const stop = new AbortController()
    const talking = talk([runs("echo began; touch began; sleep 60", "touch second"), says("done")], {
      signal: stop.signal,
    })
    expect(await waitUntil(() => inCwd("began"), { timeout_ms: 10_000, every_ms: 5 })).toBe(true)
    const started_ms = performance.now()
    stop.abort()
    const end = await talking
    expect(performance.now() - started_ms).toBeLessThan(5_000)
    expect(end).toMatchObject({ outcome: { kind: "interrupted" }, steps: 1 })
    expect(log("command")).toHaveLength(1)
    expect(log("result")[0]!.body).toMatchObject({ ended_by: "interrupted", call: "c1" })
    expect(blobOf(log("result")[0])).toBe("began\n")
    expect(inCwd("second")).toBe(false)
  })

  test("before the first turn asks the model nothing", async () => {
    const stop = new AbortController()
    stop.abort("the trial has ended")
    const end = await talk([says("done")], { signal: stop.signal })
    expect(end).toMatchObject({ outcome: { kind: "halted", reason: "the trial has ended" }, steps: 0 })
    expect(end.asked).toEqual([])
  })

  test("of a turn is no failure of the model", async () => {
    const stop = new AbortController()
    const cut = (_: unknown, signal: AbortSignal) => {
      stop.abort()
      throw new Error(`aborted: ${signal.aborted}`)
    }
    expect((await talk([cut], { signal: stop.signal })).outcome).toEqual({ kind: "interrupted" })
  })
})

test("a model that fails is the end of the session, with its reason", async () => {
  const fails = () => {
    throw new Error("529 overloaded")
  }
  const end = await talk([runs("true"), fails])
  expect(end).toMatchObject({ outcome: { kind: "model_error", reason: "529 overloaded" }, steps: 1, report: null })
})

describe("a lease that another session has taken", () => {
  /** Runs a command for real, and then loses the lab. */
  const robbed = (clock: ReturnType<typeof fakeClock>): Shell => {
    const shell = localShell({ cwd, env: {} })
    return {
      run: async (command, options) => {
        const result = await shell.run(command, options)
        clock.advance(LEASE_MS + 1)
        expect(claim("s-2")).toBeDefined()
        return result
      },
    }
  }

  test("halts the session between two commands of one turn", async () => {
    const clock = onFakeClock()
    const end = await talk([runs("touch first", "touch second"), says("done")], { shell: robbed(clock) })
    expect(end).toMatchObject({
      outcome: { kind: "halted", reason: expect.stringContaining("another session") },
      steps: 1,
    })
    expect([inCwd("first"), inCwd("second")]).toEqual([true, false])
    expect(log("command")).toHaveLength(1)
  })

  test("halts it before the command of the next turn", async () => {
    const clock = onFakeClock()
    const end = await talk([runs("touch first"), runs("touch second")], { shell: robbed(clock) })
    expect(end).toMatchObject({ outcome: { kind: "halted" }, steps: 2 })
    expect(inCwd("second")).toBe(false)
  })

  test("is still its own when it ran out and nobody took it", async () => {
    const clock = onFakeClock()
    const slow = () => {
      clock.advance(LEASE_MS * 2)
      return runs("touch first")
    }
    expect((await talk([slow, says("done")])).outcome).toEqual({ kind: "claims_done" })
    expect(inCwd("first")).toBe(true)
  })
})

describe("the history", () => {
  test("begins with the page, alternates, and only grows", async () => {
    const turns = [runs("echo 1"), says("hm", "pause_turn"), runs("echo 2", "echo 3"), says("done")]
    const { asked } = await talk(turns)
    expect(asked.map(({ length }) => length)).toEqual([1, 3, 4, 6])
    expect(asked[0]).toEqual([{ role: "user", content: [{ type: "text", text: "the page" }] }])
    for (const [index, history] of asked.entries()) {
      const before = asked[index - 1] ?? []
      expect(JSON.stringify(history.slice(0, before.length))).toBe(JSON.stringify(before))
    }
    expect(asked.at(-1)!.map(({ role }) => role)).toEqual([
      "user",
      "assistant",
      "user",
      "assistant",
      "assistant",
      "user",
    ])
  })

  test("holds the model's own blocks as they came", async () => {
    const odd = { type: "text", text: "a\u2028b 😀" } as const
    const { asked } = await talk([{ content: [odd, ...runs("true").content!], stop_reason: "tool_use" }, says("done")])
    expect(asked[1]![1]).toEqual({ role: "assistant", content: [odd, ...runs("true").content!] })
  })
})

test("what has happened meanwhile reaches the model with the last result of a turn, once", async () => {
  const news = ["", "a ticket opened"]
  const { asked } = await talk([runs("echo 1", "echo 2"), calls("malformed"), says("done")], {
    news: () => news.pop() ?? "",
  })
  const [first, second] = resultsIn(asked[1]!.at(-1))
  expect(first!.content).not.toContain("ticket")
  expect(second!.content).toEndWith("2\n\n\na ticket opened")
  expect(JSON.stringify(asked[2]!.slice(3))).not.toContain("ticket")
  expect(log("result")[1]!.body.shown).toBe("2\n")
})

test("what a command did is on record although the conversation breaks right after it", async () => {
  const news = () => {
    throw new Error("nobody knows what has happened")
  }
  await expect(talk([runs("echo 1"), says("done")], { news })).rejects.toThrow("nobody knows")
  expect(log("command")).toHaveLength(1)
  expect(log("result")[0]!.body.shown).toBe("1\n")
})

test("a credential of the harness's environment does not reach the store", async () => {
  const secret = "sk-test-5f0e9a77c1"
  process.env["OPERATOR_TEST_API_KEY"] = secret
  try {
    writeFileSync(join(cwd, "leak"), secret)
    const shell = localShell({ cwd, env: {} })
    await talk([runs("env; cat leak; cat leak | base64 -w0 | base64 -d; echo end"), says("done")], { shell })
  } finally {
    delete process.env["OPERATOR_TEST_API_KEY"]
  }
  const [result] = log("result")
  expect(blobOf(result)).toContain("[redacted]")
  expect(blobOf(result)).toEndWith("end\n")
  const all = JSON.stringify(events(stored.store, stored.lab)) + blobOf(result)
  expect(all).not.toContain(secret)
  expect(all).not.toContain("OPERATOR_TEST_API_KEY")
})

test("a message says which model answered, what it used and how long it took", async () => {
  const clock = onFakeClock()
  const turn = () => {
    clock.advance(1_234)
    return { ...says("hello"), model: "scripted-9", request_id: "req-1", usage: { input_tokens: 5 }, cost_usd: 0.5 }
  }
  expect((await talk([turn])).cost_usd).toBe(0.5)
  const [message] = log("message")
  const body = { step: 1, text: "hello", stop_reason: "end_turn", model: "scripted-9", request_id: "req-1" }
  expect(message!.body).toEqual({ ...body, usage: { input_tokens: 5 }, cost_usd: 0.5, took_ms: 1_234 })
})

// internal

function modelError(reason: string): Outcome {
  return { kind: "model_error", reason: expect.stringContaining(reason) }
}
