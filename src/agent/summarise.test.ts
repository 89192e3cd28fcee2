import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runs, says, scriptedModel } from "../../test/support/scripted-model.ts"
import { scriptedHaiku, type ScriptedHaiku } from "../../test/support/scripted-haiku.ts"
import { recordLab, recordTrial, type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { describe as describeEvent } from "../audit/describe.ts"
import { waitUntil } from "../lib/clock.ts"
import { createCampaign } from "../store/campaigns.ts"
import { append, type Event, events, firstBreak } from "../store/events.ts"
import { claimLab, giveBack, type Lease, sessionsOf } from "../store/sessions.ts"
import { OUT_OF_DOLLARS, spentOn } from "../store/spending.ts"
import { readText } from "../store/texts.ts"
import { DEFAULT_LIMITS, LEASE_MS } from "./limits.ts"
import { converse } from "./loop.ts"
import { builtInPrices, parsePrices, type Prices } from "./prices.ts"
import { localShell } from "./sandbox/local.ts"
import { openSummaries, summariesOf, type Summaries } from "./summarise.ts"
import { work, type Work } from "./work.ts"

const prices = await builtInPrices()

let stored: StoredLab
let lease: Lease
let cwd: string

beforeEach(() => {
  stored = storedLab()
  lease = claim(stored.lab)
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "summarise-")))
})
afterEach(() => {
  expect(firstBreak(stored.store, stored.lab)).toBeUndefined()
  stored[Symbol.dispose]()
  rmSync(cwd, { recursive: true, force: true })
})

function claim(lab: string, session = "s-1"): Lease {
  return claimLab(stored.store, { lab, session, variant: "v", model: "m", lease_ms: LEASE_MS, max_attempts: 9 })!
}

const CLAUDE = { model: "claude-opus-5-5", summaries: true }

const LONG = 16 * 1024 + 1
const WAIT = { wait_ms: 10_000 }

const open = (
  haiku: ScriptedHaiku,
  change: { lease?: Lease; prices?: Prices; env?: NodeJS.ProcessEnv } = {},
): Summaries => openSummaries({ store: stored.store, lease, prices, env: haiku.env, ...change })

/** A command that has printed this much, or this. */
function printed(output: number | string = LONG, step = 1) {
  const text = typeof output === "number" ? "x".repeat(output) : output
  return { step, call: `c${step}`, command: "journalctl", reasoning: "to see", output: Buffer.from(text) }
}

const log = (lab = stored.lab): Event<"summary">[] => events(stored.store, lab, { kinds: ["summary"] })
const told = (lab = stored.lab) => log(lab).map(({ body }) => body)
const reasons = (lab = stored.lab) => told(lab).map(({ reason }) => reason)
const spent = (session = "s-1/summaries") => spentOn(stored.store, { session })

/** Answers only once it is let go. */
function held() {
  const { promise, resolve } = Promise.withResolvers<void>()
  const answer = async () => {
    await promise
    return { say: "short" }
  }
  return { answer, release: resolve }
}

const untilAsked = (haiku: ScriptedHaiku, times: number) =>
  waitUntil(() => haiku.requests.length >= times, { timeout_ms: 10_000, every_ms: 2 })

describe("an output", () => {
  test("that the model was shown whole is not summed up, and one byte more is", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "16385 times x" }))
    const summaries = open(haiku)
    summaries.output(printed(LONG - 1, 1))
    summaries.output(printed(LONG, 2))
    await summaries.close(WAIT)
    expect(haiku.violations).toEqual([])
    expect(haiku.requests).toHaveLength(1)
    const [event] = log()
    expect(event!.session).toBe("s-1")
    expect(event!.body).toMatchObject({ of: "output", step: 2, call: "c2", text: "16385 times x", reason: null })
    expect(event!.body.model).toBe("claude-haiku-5-5")
    expect(event!.body.cost_usd).toBeGreaterThan(0)
    expect((event!.body.usage as { output_tokens: number }).output_tokens).toBeGreaterThan(0)
  })

  test("goes out with its command and reason, without tools and without thinking, and what was asked is kept", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short" }))
    const summaries = open(haiku)
    summaries.output(printed())
    await summaries.close(WAIT)
    const { tools, tool_choice, thinking, output_config, model, max_tokens, system } = haiku.requests[0]!.body
    expect({ tools, tool_choice, output_config }).toEqual({} as never)
    expect({ thinking, model, max_tokens }).toEqual({
      ...{ thinking: { type: "disabled" }, model: "claude-haiku-5-5", max_tokens: 1_000 },
    })
    expect(readText(stored.store, told()[0]!.prompt).content).toBe(system as string)
    expect(haiku.asked()[0]).toStartWith("Reason: to see\nCommand: journalctl\nIt printed:\n\nxxx")
  })

  test("that is huge goes out by its head and tail", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short" }))
    const summaries = open(haiku)
    summaries.output({ ...printed(`first${"€".repeat(1_000_000)}last`), command: "y".repeat(500_000) })
    await summaries.close(WAIT)
    const [asked] = haiku.asked()
    expect(Buffer.byteLength(asked!)).toBeLessThan(99_000)
    expect(asked).toContain("\nfirst€")
    expect(asked).toEndWith("€last")
    expect(asked).toMatch(/bytes omitted/)
    expect(asked).not.toContain("\ufffd")
    expect(told()[0]!.text).toBe("short")
  })

  test("keeps no summary that is not shorter than half of it", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "y".repeat(LONG / 2 + 100) }))
    const summaries = open(haiku)
    summaries.output(printed())
    await summaries.close(WAIT)
    expect(told()[0]).toMatchObject({ text: null, reason: "longer than half of the text" })
    expect(told()[0]!.cost_usd).toBeGreaterThan(0)
  })

  test("goes out as it was printed, less the secrets", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short" }))
    const summaries = open(haiku)
    const shell = localShell({ cwd, env: { HIDDEN: "s3cr3t-and-long" }, secrets: ["s3cr3t-and-long"] })
    const model = scriptedModel(runs(`for i in $(seq 900); do echo "the password is $HIDDEN"; done`), says("done"))
    await talk(model, shell, summaries)
    await summaries.close(WAIT)
    expect(haiku.asked()[0]).toContain("the password is [redacted]")
    expect(haiku.requests[0]!.text).not.toContain("s3cr3t")
  })
})

function talk(model: ReturnType<typeof scriptedModel>, shell = localShell({ cwd, env: {} }), summaries?: Summaries) {
  const { signal } = new AbortController()
  const conversation = { store: stored.store, lease, model, shell, limits: DEFAULT_LIMITS, page: "", news: () => "" }
  return converse({ ...conversation, onResult: summaries?.output, signal })
}

describe("the loop", () => {
  test("does not wait for a summary that takes its time", async () => {
    const { answer, release } = held()
    await using haiku = await scriptedHaiku(answer)
    const summaries = open(haiku)
    const model = scriptedModel(runs("seq 5000"), runs("echo next"), says("done"))
    expect((await talk(model, undefined, summaries)).outcome).toEqual({ kind: "claims_done" })
    expect(await untilAsked(haiku, 1)).toBe(true)
    expect(told()).toEqual([])
    release()
    await summaries.close(WAIT)
    const kinds = events(stored.store, stored.lab, { kinds: ["message", "command", "result", "summary"] })
    expect(kinds.map(({ kind }) => kind)).toEqual([
      ...["message", "command", "result", "message", "command", "result", "message", "summary"],
    ] as never)
    expect(told()[0]).toMatchObject({ step: 1, text: "short" })
  })

  test("does not hear of a log that fails", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short" }))
    const own = storedLab()
    const summaries = openSummaries({ store: own.store, lease: { ...lease, lab: own.lab }, prices, env: haiku.env })
    own[Symbol.dispose]()
    summaries.output(printed())
    summaries.session()
    await summaries.close(WAIT)
  })
})

describe("a summary that cannot be had is an event with the reason", () => {
  const busy = { status: 529, headers: { "retry-after-ms": "1" } }
  test.each([
    ["an API that is overloaded, after two attempts", busy, /^failed: 529/, 2],
    ["a refused request, after one", { status: 400 }, /^failed: 400/, 1],
    ["a refusal", { say: "", stop_reason: "refusal" }, /^failed: refusal/, 1],
    ["an answer that was cut off", { say: "half of", stop_reason: "max_tokens" }, /^failed: max_tokens/, 1],
    ["an answer without words", { blocks: [] }, /^failed: the answer is empty/, 1],
  ])("%s", async (_, answer, reason, times) => {
    await using haiku = await scriptedHaiku(() => answer)
    const summaries = open(haiku)
    summaries.output(printed())
    await summaries.close(WAIT)
    expect(haiku.requests).toHaveLength(times)
    expect(told()).toHaveLength(1)
    expect(told()[0]).toMatchObject({ step: 1, text: null, model: "claude-haiku-5-5" })
    expect(told()[0]!.reason).toMatch(reason)
    expect(spent()).toEqual({ spent_usd: told()[0]!.cost_usd!, reserved_usd: 0 })
  })

  test("a stream that breaks, after two attempts: what they cost nobody says, so all that was set aside is spent", async () => {
    const set_aside: number[] = []
    await using haiku = await scriptedHaiku(() => {
      set_aside.push(spent().reserved_usd)
      return { say: "some", breaks: "in_stream" }
    })
    const summaries = open(haiku)
    summaries.output(printed())
    await summaries.close(WAIT)
    expect(haiku.requests).toHaveLength(2)
    expect(told()).toMatchObject([{ step: 1, text: null, model: "claude-haiku-5-5", cost_usd: null }])
    expect(reasons()[0]).toStartWith("failed: ")
    expect(set_aside[0]).toBeGreaterThan(0)
    const { spent_usd, reserved_usd } = spent()
    expect(reserved_usd).toBe(0)
    expect(spent_usd).toBeCloseTo(set_aside[0]! + set_aside[1]!, 12)
  })

  test("nobody who answers", async () => {
    const haiku = await scriptedHaiku(() => ({ say: "short" }))
    await haiku.close()
    const summaries = open(haiku)
    summaries.output(printed())
    await summaries.close(WAIT)
    expect(told()).toMatchObject([{ text: null, cost_usd: 0 }])
    expect(spent()).toEqual({ spent_usd: 0, reserved_usd: 0 })
  })

  test("and one that failed once is had by the second attempt", async () => {
    let answers = 0
    await using haiku = await scriptedHaiku(() => ((answers += 1) === 1 ? busy : { say: "short" }))
    const summaries = open(haiku)
    summaries.output(printed())
    await summaries.close(WAIT)
    expect(told()[0]).toMatchObject({ text: "short", reason: null })
  })

  test("a gateway that wants its key in another header gets it there", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short" }), { auth: "x-api-key" })
    const summaries = open(haiku)
    summaries.output(printed(LONG, 1))
    summaries.output(printed(LONG, 2))
    summaries.output(printed(LONG, 3))
    await summaries.close(WAIT)
    expect(told().map(({ text }) => text)).toEqual(["short", "short", "short"])
  })
})

describe("without what it takes", () => {
  test("there is one event, and nothing is asked: a key", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short" }))
    const summaries = open(haiku, { env: {} })
    for (let step = 1; step <= 5; step++) summaries.output(printed(LONG, step))
    await summaries.close(WAIT)
    expect(reasons()).toEqual([expect.stringContaining("ANTHROPIC_API_KEY is not set")])
    expect(haiku.requests).toEqual([])
  })

  test("there is one event, and nothing is asked: a price", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short" }))
    const summaries = open(haiku, { prices: await parsePrices("as_of: 2026-11-20\nmodels: {}\n", "none.yaml") })
    for (let step = 1; step <= 5; step++) summaries.output(printed(LONG, step))
    await summaries.close(WAIT)
    expect(reasons()).toEqual([expect.stringContaining("what claude-haiku-5-5 costs is not known")])
    expect(haiku.requests).toEqual([])
  })

  test("there is one event, and nothing is asked: dollars of the campaign", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short" }))
    const { lab, own } = inCampaign(0.000_1)
    const summaries = open(haiku, { lease: own })
    for (let step = 1; step <= 5; step++) summaries.output(printed(LONG, step))
    await summaries.close(WAIT)
    expect(reasons(lab)).toEqual([expect.stringContaining(OUT_OF_DOLLARS)])
    expect(haiku.requests).toEqual([])
  })
})

function inCampaign(limit_usd: number) {
  createCampaign(stored.store, { id: "c-1", name: "kv none", matrix_hash: "0", matrix: "{}", limit_usd })
  recordTrial(stored.store, "c-1", "t-1")
  const lab = recordLab(stored.store, "kv-2", "t-1")
  return { lab, own: claim(lab, "s-2") }
}

test("its dollars are the campaign's, reserved while it is asked and settled after, and not the session's", async () => {
  const { answer, release } = held()
  await using haiku = await scriptedHaiku(answer)
  const { lab, own } = inCampaign(1)
  const summaries = open(haiku, { lease: own })
  summaries.output(printed())
  expect(await untilAsked(haiku, 1)).toBe(true)
  expect(spentOn(stored.store, { campaign: "c-1" })).toMatchObject({ spent_usd: 0 })
  expect(spentOn(stored.store, { campaign: "c-1" }).reserved_usd).toBeGreaterThan(0)
  release()
  await summaries.close(WAIT)
  const spent_usd = told(lab)[0]!.cost_usd!
  expect(spent_usd).toBeGreaterThan(0)
  expect(spentOn(stored.store, { campaign: "c-1" })).toEqual({ spent_usd, reserved_usd: 0 })
  expect(spentOn(stored.store, { session: "s-2" })).toEqual({ spent_usd: 0, reserved_usd: 0 })
})

describe("many at once", () => {
  test("are asked two at a time, eight wait, and the others are dropped; the session's own comes next", async () => {
    const { answer, release } = held()
    await using haiku = await scriptedHaiku(answer)
    await talk(scriptedModel(runs("echo found"), says("done")))
    const summaries = open(haiku)
    for (let step = 1; step <= 12; step++) summaries.output(printed(LONG, step))
    summaries.session()
    expect(reasons()).toEqual(Array(2).fill("dropped: 8 others were waiting"))
    expect(told().map(({ step }) => step)).toEqual([11, 12])
    expect(await untilAsked(haiku, 2)).toBe(true)
    expect(haiku.requests).toHaveLength(2)
    release()
    await summaries.close(WAIT)
    expect(haiku.requests).toHaveLength(11)
    expect(haiku.asked().findIndex((text) => text.includes("echo found"))).toBeOneOf([2, 3])
    expect(told().filter(({ reason }) => reason === null || reason.startsWith("longer"))).toHaveLength(11)
  })
})

describe("at the end", () => {
  test("what does not come in time is dropped, and nothing is left running", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short", stalls_ms: 3_600_000, pings: true }))
    const summaries = open(haiku)
    for (let step = 1; step <= 3; step++) summaries.output(printed(LONG, step))
    expect(await untilAsked(haiku, 2)).toBe(true)
    const { reserved_usd } = spent()
    await summaries.close({ wait_ms: 1 })
    expect(reasons()).toEqual(Array(3).fill("dropped: the session was over before it came"))
    // What was sent may be billed; what was not costs nothing.
    expect(
      told()
        .map(({ step, cost_usd }) => [step, cost_usd])
        .sort(),
    ).toEqual([
      [1, null],
      [2, null],
      [3, 0],
    ])
    expect(reserved_usd).toBeGreaterThan(0)
    expect(spent()).toEqual({ spent_usd: reserved_usd, reserved_usd: 0 })
    summaries.output(printed(LONG, 4))
    summaries.session()
    await summaries.close({ wait_ms: 1 })
    expect(told()).toHaveLength(3)
    expect(haiku.requests).toHaveLength(2)
  })

  test("whoever stops it does not wait", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short", stalls_ms: 3_600_000 }))
    const stop = new AbortController()
    const summaries = open(haiku)
    summaries.output(printed())
    expect(await untilAsked(haiku, 1)).toBe(true)
    const closed = summaries.close({ wait_ms: 3_600_000, signal: stop.signal })
    stop.abort()
    await closed
    expect(reasons()).toEqual(["dropped: the session was over before it came"])
  })

  test("the process ends, whatever the API does", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short", stalls_ms: 3_600_000 }))
    const code = `
      import { openStore } from "${import.meta.dir}/../store/open.ts"
      import { builtInPrices } from "${import.meta.dir}/prices.ts"
      import { openSummaries } from "${import.meta.dir}/summarise.ts"
      const lease = { lab: "${stored.lab}", session: "s-1", fence: 1 }
      const summaries = openSummaries({ store: openStore("${stored.file}"), lease, prices: await builtInPrices() })
      summaries.output({ step: 1, call: "c", command: "c", reasoning: "r", output: new Uint8Array(${LONG}) })
      await summaries.close({ wait_ms: 500 })`
    const child = Bun.spawn([process.execPath, "-e", code], { env: { ...haiku.env, PATH: Bun.env.PATH ?? "" }, cwd })
    expect(await child.exited).toBe(0)
    expect(told()).toHaveLength(1)
  })
})

describe("the work on a lab", () => {
  /** Works the lab with this model; its summaries are those of a variant of Claude's. */
  const worked = (haiku: ScriptedHaiku, change: Partial<Work> & Pick<Work, "model">) => {
    giveBack(stored.store, lease)
    return work({
      ...{ store: stored.store, lab: stored.lab, brief: "a lab", told: [], variant: "v" },
      shell: localShell({ cwd, env: {} }),
      ...{ limits: DEFAULT_LIMITS, attempts: 3, verify: async () => true, signal: new AbortController().signal },
      summaries: summariesOf(CLAUDE, { store: stored.store, prices, env: haiku.env }),
      ...change,
    })
  }
  /** Of the work's own sessions: the one before was left behind, and is ended by the first of them. */
  const ends = () =>
    events(stored.store, stored.lab, { kinds: ["session.ended", "summary"] })
      .filter(({ session }) => session !== lease.session)
      .map(({ kind, body }) => (kind === "summary" ? (body as Event<"summary">["body"]).of : kind))

  test("ends with a summary of the session, made from its own events", async () => {
    await using haiku = await scriptedHaiku(() => ({ say: "short" }))
    const says_too = [{ type: "text" as const, text: "I look at the disk." }]
    const looks = runs("echo 'disk 100% full' && exit 3")
    const first = { ...looks, content: [...says_too, ...looks.content!] }
    const model = () => scriptedModel(first, runs("yes | head -c 9000"), says("The disk was full."))
    append(
      stored.store,
      stored.lab,
      "command",
      { step: 1, call: "c", command: "other", reasoning: "" },
      { session: "s" },
    )
    expect(await worked(haiku, { model })).toBe("verified")
    expect(ends()).toEqual(["session.ended", "session"])
    const [asked] = haiku.asked()
    for (const part of [
      ...["Page:\na lab", "Step 1, said:\nI look at the disk.", "Step 1, reason: because\n$ echo 'disk 100% full'"],
      ...["Step 1, exit 3 after ", "disk 100% full\n", "Step 2, exit 0 after", "9000 bytes", "bytes omitted"],
      ...["Step 3, said:\nThe disk was full.", 'The session\'s end, after 3 steps: {"kind":"claims_done"}'],
    ])
      expect(asked).toContain(part)
    expect(asked).not.toContain("other")
    expect(told()).toMatchObject([{ of: "session", text: "short", reason: null }])
    expect(told()[0]!.step).toBeUndefined()
    expect(sessionsOf(stored.store, stored.lab).at(-1)!.cost_usd).toBe(0)
  })

  test("goes on with the next session while the one before is still summed up", async () => {
    const { answer, release } = held()
    await using haiku = await scriptedHaiku(answer)
    let attempts = 0
    const model = () => scriptedModel(runs("seq 5000"), says("done"))
    const verify = async () => {
      attempts += 1
      expect(ends()).toEqual(Array(attempts).fill("session.ended"))
      if (attempts === 2) release()
      return false
    }
    expect(await worked(haiku, { model, verify })).toBe("escalated")
    expect(attempts).toBe(2)
    expect(ends().toSorted()).toEqual(["output", "output", "session", "session", "session.ended", "session.ended"])
    expect(new Set(log().map(({ session }) => session)).size).toBe(2)
  })

  test("does not wait for summaries when a person stops it, and does when its trial has ended", async () => {
    const { answer, release } = held()
    await using haiku = await scriptedHaiku(answer)
    const stop = new AbortController()
    const stopped = () => {
      stop.abort()
      return runs("true")
    }
    const model = () => scriptedModel(runs("seq 5000"), stopped)
    expect(await worked(haiku, { model, signal: stop.signal })).toBe("stopped")
    expect(ends()).toEqual(["session.ended", "output"])
    expect(reasons()).toEqual(["dropped: the session was over before it came"])
    expect(told()[0]!.took_ms).toBeLessThan(5_000)

    const trial = new AbortController()
    const ended = () => {
      trial.abort("the trial has ended")
      void untilAsked(haiku, 2).then(() => release())
      return runs("true")
    }
    const next = () => scriptedModel(runs("true"), ended)
    expect(await worked(haiku, { model: next, signal: trial.signal })).toBe("stopped")
    expect(ends().slice(2)).toEqual(["session.ended", "session"])
    expect(told()[1]!.text).toBe("short")
  })

  test("has no summaries when its variant is a control, or turns them off", async () => {
    const parts = { store: stored.store, prices }
    expect(summariesOf({ ...CLAUDE, summaries: false }, parts)).toBeUndefined()
    expect(summariesOf({ ...CLAUDE, model: "runbook" }, parts)).toBeUndefined()
    await using haiku = await scriptedHaiku(() => ({ say: "short" }))
    const model = () => scriptedModel(runs("seq 5000"), says("done"))
    const summaries = summariesOf({ ...CLAUDE, summaries: false }, { ...parts, env: haiku.env })
    expect(await worked(haiku, { model, summaries })).toBe("verified")
    expect(haiku.requests).toEqual([])
    expect(told()).toEqual([])
  })
})

test("the timeline shows a summary, and why there is none", async () => {
  await using haiku = await scriptedHaiku(({ text }) =>
    text.includes("0000") ? { status: 400 } : { say: "x many times" },
  )
  const summaries = open(haiku)
  summaries.output(printed(LONG, 1))
  summaries.output(printed("0".repeat(LONG), 2))
  await summaries.close(WAIT)
  const lines = log()
    .toSorted((a, b) => a.body.step! - b.body.step!)
    .map((event) => describeEvent(event)!)
  expect(lines[0]).toMatchObject({ label: "summary", detail: "x many times" })
  expect(lines[0]!.text).toStartWith("of the output of step 1; cost $")
  expect(lines[1]!.text).toStartWith("none of the output of step 2: failed: 400")
  expect(lines[1]!.detail).toBeUndefined()
})
