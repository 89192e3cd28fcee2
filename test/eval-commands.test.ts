import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Analysis } from "../src/eval/analysis.ts"
import type { Comparison } from "../src/eval/compare.ts"
import { endCampaign } from "../src/store/campaigns.ts"
import { openStore } from "../src/store/open.ts"
import { type Home, makeHome, OPERATOR } from "./support/operator.ts"
import { INSTEAD, result } from "./support/results.ts"
import { recordAttempt, recordRun } from "./support/stored-campaign.ts"
import { inTerminal } from "./support/terminal.ts"

const REPETITIONS = 8
const VARIANTS = ["nobody", "restart-bot", "oracle"]
const FIRST = "2026-01-28T20-54-40-00000001"
const SECOND = "2026-01-29T20-54-40-00000002"
const EMPTY = "2026-01-30T20-54-40-00000003"

let home: Home

beforeAll(() => {
  home = makeHome()
  const store = openStore(home.db)
  recordRun(store, FIRST, 72)
  for (const fault of ["latency", "node_kill", "none"]) {
    for (const variant of VARIANTS) {
      for (let repetition = 1; repetition <= REPETITIONS; repetition++) record(FIRST, fault, variant, repetition)
    }
  }
  endCampaign(store, FIRST)
  recordRun(store, SECOND, 9)
  record(SECOND, "node_kill", "oracle", 1)
  recordRun(store, EMPTY, 9)
  store.close()

  function record(campaign: string, fault: string, variant: string, repetition: number): void {
    const good = variant === "oracle" || (variant === "restart-bot" && repetition > 5)
    const facts = fault === "none" ? INSTEAD.quiet : good ? {} : INSTEAD.unrepaired
    const { verdict, facts: known } = result({ fault }, facts)
    const params = fault === "latency" ? { delay: `${100 * repetition}ms` } : {}
    const given = { fault, variant, repetition, seed: repetition, params, verdict: verdict!, facts: known }
    recordAttempt(store, campaign, `${campaign.slice(0, 10)}-${fault}-${variant}-${repetition}`, given)
  }
})
afterAll(() => home.remove())

const evaluate = (...words: string[]) => home.run("eval", ...words)

describe("eval analyze", () => {
  test("has every variant side by side, every cell, and the curve of a severity", async () => {
    const { stdout, stderr, exit_code } = await evaluate("analyze", FIRST)
    expect(exit_code).toBe(0)
    expect(stdout).toMatch(/^ +oracle +restart-bot +nobody$/m)
    expect(stdout).toMatch(/^repaired +16 of 16, \d+–100 % +6 of 16, .* 0 of 16, 0–\d+ %$/m)
    expect(stdout).toMatch(/^ {2}lift over nobody +\+100 pp/m)
    expect(stdout).toMatch(/^invalid +0 +0 +0$/m)
    expect(stdout).toContain("kv · latency at one · restart-bot, by delay")
    expect(stdout).toMatch(/half of the trials succeed at 550 ms, .* one severity parts success from failure/)
    expect(stdout).toContain("no curve: every trial succeeded")
    expect(stderr).toContain("operator eval show 2026-01-28")
  })

  test("as JSON has all of it, and the same each time", async () => {
    const [once, again] = [await evaluate("analyze", FIRST, "--json"), await evaluate("analyze", FIRST, "--json")]
    expect(once.stdout).toBe(again.stdout)
    const { arms, totals, severity } = JSON.parse(once.stdout) as Analysis
    expect([arms.length, totals.length, severity.length]).toEqual([30, 3, 3])
  })

  test("of an empty and of a half-finished campaign says so", async () => {
    const empty = await evaluate("analyze", "last")
    expect([empty.exit_code, empty.stderr]).toEqual([0, expect.stringContaining("No trial has begun")])
    const half = await evaluate("analyze", "2026-01-29")
    expect(half.stderr).toMatch(/2026-01-29\S+ is (running|unfinished): 1 of 9 trials/)
  })
})

describe("eval compare", () => {
  test("names the better of two variants, or says what could have been seen", async () => {
    const { stdout } = await evaluate("compare", "nobody", "oracle")
    expect(stdout).toMatch(/repaired +16 +9 +0 +16 +0 +16 +\+100 pp, .* oracle is better$/m)
    expect(stdout).toMatch(/quiet +8 +1 +8 +8 .* no difference shown; too few pairs to see any$/m)
    expect(stdout).toMatch(/^recovered, mean \(16\) +12\.0 s +2\.0 s +−10\.0 s/m)
  })

  test("pairs two campaigns by what both have", async () => {
    const { stdout } = await evaluate("compare", "2026-01-28", "2026-01-29", "--json")
    const [only, ...others] = JSON.parse(stdout) as Comparison[]
    expect([only!.pairs, only!.alone, others.length]).toEqual([1, 23, 0])
  })

  test("of what has nothing in common is an error that says what a pair is", async () => {
    const { stderr, exit_code } = await evaluate("compare", "2026-01-28", "last")
    expect([exit_code, stderr]).toEqual([2, expect.stringContaining("have no trial in common")])
    expect(stderr).toContain("the same cell, seed and repetition")
  })
})

test("eval compare-baseline, compare-variants and history tell of their campaigns and faults", async () => {
  expect((await evaluate("compare-baseline", "2026-01-28")).stdout).toContain("A: nobody   B: restart-bot")
  expect((await evaluate("compare-variants", "kv", "node_kill")).stdout).toContain("A: nobody   B: oracle")
  const history = (await evaluate("history", "kv", "node_kill", "--variant", "oracle")).stdout
  expect(history).toMatch(/2026-01-28.* 8 of 8 .*\n +2026-01-29.* 1 of 1 /)
})

test("eval plan tells the trials, the time and the dollars of a difference, and runs nothing", async () => {
  const { stdout, stderr, exit_code } = await evaluate("plan", "--detect", "30pp", "quickstart")
  expect(exit_code).toBe(0)
  expect(stdout).toMatch(
    /^ {2}pairs +\d+ of each two variants; .*\n {2}repetitions +\d+ .*\n {2}trials +[\d,]+\n {2}time +about /m,
  )
  expect(stderr).toContain("adjusted for the 6 questions")
  expect(await evaluate("plan", "--detect", "15", "quickstart")).toMatchObject({ exit_code: 2 })
})

test("eval regrade says what the current judge says otherwise", async () => {
  const { stdout } = await evaluate("regrade", "2026-01-29")
  expect(stdout).toMatch(/kv · node_kill at one · oracle · 1 +repaired +1 +invalid/)
  expect(stdout).toMatch(/looked at 1 attempts: 1 verdicts changed, 1 judgements added$/m)
})

test.each([80, 200])("no line of a table is wider than a terminal of %i columns", async (cols) => {
  for (const words of [
    ["analyze", FIRST],
    ["compare-baseline", FIRST],
    ["history", "kv", "node_kill"],
  ]) {
    const shown = await inTerminal(
      [...OPERATOR, "eval", ...words],
      { ...home.env, TERM: "xterm", NO_COLOR: "1" },
      { cols },
    )
    const wide = shown.split("\n").filter((line) => Bun.stringWidth(line) > cols)
    expect(wide).toEqual([])
  }
})
