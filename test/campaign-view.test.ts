import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { CampaignOutcome } from "../src/eval/campaigns.ts"
import type { Detail } from "../src/eval/detail.ts"
import type { Result } from "../src/eval/results.ts"
import type { Summary } from "../src/eval/summary.ts"
import { type Home, makeHome, OPERATOR } from "./support/operator.ts"
import { screen } from "./support/screen.ts"
import { inTerminal } from "./support/terminal.ts"

const limits = (deadline: string) => [
  "--deadline",
  deadline,
  "--symptom-within",
  "5s",
  "--stable",
  "1s",
  "--verify",
  "1s",
]
const CELL = ["--subject", "ratelimiter", "--fault", "node_kill", "--variant", "oracle", "--variant", "nobody"]
const CAMPAIGN = ["campaign", ...CELL, "--parallel", "2"]
const TIMEOUT_MS = 90_000
const WIDTH = 80

let home: Home
/** What the terminal showed each time it was written to, and in the end. */
const frames: string[][] = []
let output = ""

beforeAll(async () => {
  home = makeHome()
  const shown = screen(WIDTH)
  output = await inTerminal(
    [...OPERATOR, ...CAMPAIGN, ...limits("5s")],
    { ...home.env, TERM: "xterm" },
    {
      ...{ cols: WIDTH, rows: 24, cwd: home.dir },
      data: (text) => {
        shown.write(text)
        frames.push(shown.rows())
      },
    },
  )
}, TIMEOUT_MS)
afterAll(async () => {
  const residue = home.residue()
  await home.remove()
  expect(residue).toEqual([])
})

describe("a campaign on a terminal", () => {
  test("shows each trial that runs with its stage, and what is done", () => {
    const seen = (pattern: RegExp) => frames.some((rows) => rows.some((row) => pattern.test(row)))
    expect(seen(/^ratelimiter node_kill: 0 of 2 done, 2 running$/)).toBe(true)
    expect(seen(/^running for \d+ s, about .* left, until \d\d:\d\d:\d\d UTC$/)).toBe(true)
    expect(seen(/^[12] {2}node_kill · oracle · 1 +preparing +\d+ s +\d+ s$/)).toBe(true)
    expect(seen(/^[12] {2}node_kill · nobody · 1 +settling +\d+ s +\d+ s$/)).toBe(true)
  })

  test("leaves a line for each trial, then the table and what to type next, and nothing of the view", () => {
    const rows = frames.at(-1)!
    expect(rows[0]).toMatch(/^\d\d:\d\d:\d\d {2}ratelimiter node_kill: 2 trials, 2 at a time, about /)
    const ended = rows.slice(1, 3).sort((a, b) => (a.slice(10) < b.slice(10) ? -1 : 1))
    expect(ended[0]).toMatch(/^\d\d:\d\d:\d\d {2}1\/2 {2}(repaired|unrepaired) +node_kill · (oracle|nobody) · 1 {2}/)
    expect(ended[1]).toMatch(/^\d\d:\d\d:\d\d {2}2\/2 {2}(repaired|unrepaired) +node_kill · (oracle|nobody) · 1 {2}/)
    expect(rows[3]).toMatch(/^ {2}VARIANT +SUCCESS +RATE +INTERVAL +VERDICTS/)
    expect(rows.join("\n")).not.toMatch(/STAGE|running for|of 2 done/)
    expect(rows.join("\n")).toMatch(/operator eval show \S+.*operator audit show ratelimiter-/s)
  })

  test("hides no cursor and switches nothing on that a kill would leave on", () => {
    expect(output).not.toContain("\x1b[?")
  })
})

describe("eval", () => {
  test("list has the campaign with its successes", async () => {
    const { stdout, exit_code } = await home.run("eval", "list")
    expect(exit_code).toBe(0)
    expect(stdout).toMatch(/ratelimiter node_kill +finished +2\/2 .* oracle 1\/1, nobody 0\/1$/m)
    const listed = JSON.parse((await home.run("eval", "list", "--json")).stdout) as CampaignOutcome[]
    expect(listed).toMatchObject([{ name: "ratelimiter node_kill", state: "finished", done: 2, total: 2 }])
  })

  test("show has a campaign's table and every trial, also as JSON", async () => {
    const { stdout, stderr } = await home.run("eval", "show", "last")
    expect(stdout).toMatch(/^ {2}oracle +1 of 1 +100 % +21–100 % +1 repaired /m)
    expect(stdout).toMatch(/^ {2}nobody +0 of 1 +0 % +0–79 % +1 unrepaired +.*> 5\.0 s/m)
    expect(stdout).toMatch(/^ {2}oracle +1 +repaired .* agent +none +ratelimiter-\S+ +recovered after the agent acted/m)
    expect(stderr).toContain("operator audit show ratelimiter-")
    const shown = await home.run("eval", "show", "last", "--json")
    const { campaign, summary, trials } = JSON.parse(shown.stdout) as {
      campaign: CampaignOutcome
      summary: Summary[]
      trials: Result[]
    }
    expect(campaign.total).toBe(2)
    expect(summary.map(({ variant, success }) => [variant, success.count])).toEqual([
      ["oracle", 1],
      ["nobody", 0],
    ])
    expect(summary[1]!.medians.recovered).toEqual({ ms: 5_000, censored: true })
    expect(trials).toHaveLength(2)
  })

  test("show has a trial's facts, sessions and judgements, and leads on", async () => {
    const { trials } = JSON.parse((await home.run("eval", "show", "last", "--json")).stdout) as { trials: Result[] }
    const { id, lab, campaign } = trials.find(({ variant }) => variant === "oracle")!
    const { stdout, stderr } = await home.run("eval", "show", lab!)
    expect(stdout).toContain(`trial ${id}`)
    expect(stdout).toMatch(/^ {2}fault +confirmed, at limiter-[abc]$/m)
    expect(stdout).toMatch(/^ {2}commands +0 read, 1 change, 0 destroy$/m)
    expect(stdout).toMatch(/claims to be done, \d steps; the monitor agreed$/m)
    expect(stdout).toMatch(/judge \d+: repaired: /)
    expect(stderr).toContain(`operator eval show ${campaign}`)
    const detail = JSON.parse((await home.run("eval", "show", id, "--json")).stdout) as Detail
    expect(detail).toMatchObject({
      id,
      verdict: "repaired",
      judgements: [{ verdict: "repaired" }],
      sessions: [{ model: "oracle" }],
    })
  })

  test("says where the store is, and what to type that finds it again", async () => {
    const { stderr } = await home.run("eval", "show", "last")
    expect(stderr).toContain(`store: ${home.db}`)
    expect(stderr).not.toContain("--db")
    const { OPERATOR_DB: _, ...env } = home.env
    const words = [...OPERATOR, "eval", "show", "last", "--db", home.db]
    const elsewhere = Bun.spawn(words, { cwd: home.dir, env, stdout: "ignore", stderr: "pipe" })
    expect(await elsewhere.stderr.text()).toMatch(new RegExp(`operator audit show ratelimiter-\\S+ --db ${home.db}`))
  })

  test("names the nearest word for an id that is not there", async () => {
    const { stderr, exit_code } = await home.run("eval", "show", "nothing")
    expect(exit_code).toBe(2)
    expect(stderr).toContain("operator eval list shows the campaigns")
  })
})

test("--dry-run knows from earlier trials how long it will take, and runs nothing", async () => {
  const planned = await home.run(...CAMPAIGN, ...limits("5s"), "--dry-run", "-n", "2")
  expect(planned.exit_code).toBe(0)
  expect(planned.stdout).toMatch(/^block 2 of 2, seed 2: 2 trials, about /m)
  expect(planned.stdout.match(/1 earlier trial$/gm)).toHaveLength(4)
  expect(planned.stderr).toMatch(/^4 trials, 2 at a time: about .*, all of it known from earlier trials$/m)
  const { stdout } = await home.run(...CAMPAIGN, ...limits("6s"), "--dry-run", "--json")
  expect(JSON.parse(stdout)).toMatchObject({
    expected: { from_earlier: 0 },
    trials: [{ number: 1, earlier: 0 }, { number: 2 }],
  })
  const listed = JSON.parse((await home.run("eval", "list", "--json")).stdout) as CampaignOutcome[]
  expect(listed).toHaveLength(1)
})

test.each([
  ["in a pipe", false],
  ["on a dumb terminal", true],
])(
  "a campaign %s tells each transition in a line that can be understood alone",
  async (_, dumb) => {
    const words = ["campaign", "--subject", "ratelimiter", "--fault", "none", "--variant", "nobody", ...limits("5s")]
    const told = dumb
      ? await inTerminal([...OPERATOR, ...words], { ...home.env, TERM: "dumb" }, { cols: 200, rows: 24, cwd: home.dir })
      : (await home.run(...words, "--json")).stderr
    expect(told).not.toContain("\x1b")
    const stages = [...told.matchAll(/^\d\d:\d\d:\d\d\.\d{3} {2}1\/1 {2}(\S+) +none · nobody · 1(?: {2}\S.*)?$/gm)].map(
      (match) => match[1],
    )
    // On a busy machine a gate may fail although nothing was broken.
    const steady = stages.filter((stage) => stage !== "settling" && stage !== "false_alarm" && stage !== "quiet")
    expect(steady).toEqual(["starting", "preparing", "ready", "injecting", "watching", "healing"])
    expect(["quiet", "false_alarm"]).toContain(stages.at(-1)!)
  },
  TIMEOUT_MS,
)
