import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test"
import type { CampaignRequest } from "../src/campaign/file.ts"
import { openCampaign, type OpenedCampaign } from "../src/campaign/identity.ts"
import { resolveMatrix } from "../src/campaign/matrix.ts"
import { type Progress, runCampaign } from "../src/campaign/runner.ts"
import { OperatorError } from "../src/lib/errors.ts"
import { getCampaign } from "../src/store/campaigns.ts"
import { append } from "../src/store/events.ts"
import { openStore, type Store } from "../src/store/open.ts"
import { OUT_OF_DOLLARS, reserve, settle } from "../src/store/spending.ts"
import { readText } from "../src/store/texts.ts"
import { enterStage, listTrials, type Trial } from "../src/store/trials.ts"
import { type Home, makeHome } from "./support/operator.ts"
import { recordLab } from "./support/stored-lab.ts"

const TIMEOUT_MS = 120_000

const REQUEST: CampaignRequest = {
  name: "dollars",
  subjects: ["ratelimiter"],
  faults: [{ fault: "node_kill", targets: ["one"], params: {} }],
  variants: ["oracle"],
  trials: 3,
  seed: 1,
  parallel: 1,
  // Nothing is started ahead in a pause between trials.
  cooldown_ms: 1,
  limits: {
    stable_ms: 1_000,
    verify_ms: 1_000,
    deadline_ms: 12_000,
    symptom_within_ms: 6_000,
    give_up_grace_ms: 1_000,
  },
  limit_usd: 1,
  requirements: [],
}

let home: Home
let store: Store
beforeAll(() => {
  home = makeHome()
})
afterAll(async () => {
  const residue = home.residue()
  await home.remove()
  expect(residue).toEqual([])
})
beforeEach(() => {
  store = openStore(home.db)
})
afterEach(() => store.close())

async function open(limit_usd: number): Promise<OpenedCampaign> {
  store.db.run("update campaigns set runner_pid = 999999999")
  return openCampaign(store, await resolveMatrix(store, REQUEST), "same", limit_usd)
}

/** Runs it, tells what each trial's stages are, and returns what it ended with: null when all was run. */
async function run(campaign: OpenedCampaign, stage: Progress["stage"]): Promise<OperatorError | null> {
  const nothing = () => {}
  const told = { planned: nothing, started: nothing, released: nothing, ended: nothing, interrupted: nothing }
  const options = { parallel: 1, cooldown_ms: REQUEST.cooldown_ms, signal: new AbortController().signal }
  const ended = await runCampaign(store, campaign, { ...options, progress: { ...told, stage } }).catch(
    (error: unknown) => error,
  )
  if (ended === undefined) return null
  if (ended instanceof OperatorError) return ended
  throw ended
}

function spend(campaign: string, lab: string, usd: number): void {
  const reserved = reserve(store, { campaign, lab, session: "s", usd, limits: { session_usd: null } })
  if (reserved.kind === "over") throw new Error("there are not as many dollars")
  settle(store, reserved.id, usd)
}

const attempts = (campaign: OpenedCampaign) =>
  listTrials(store, { campaign: campaign.id }).map(({ repetition, attempt, stage }: Trial) => [
    repetition,
    attempt,
    stage,
  ])

test(
  "a campaign of which the dollars are used up ends what runs, starts nothing more, and goes on with a higher limit",
  async () => {
    const campaign = await open(1)
    const error = await run(campaign, ({ lab }, stage) => {
      if (stage === "watching") spend(campaign.id, lab!, 1)
    })
    expect(error?.message).toBe("the campaign's 1.00 dollars are used up: 2 trials were not run")
    expect(error?.hint).toBe("the same command with a higher --usd goes on from here")
    expect(attempts(campaign)).toEqual([[1, 1, "done"]])
    expect(getCampaign(store, campaign.id)?.ended_at).toBeNull()

    const same = await open(1)
    expect(same).toMatchObject({ id: campaign.id, continued: true })
    expect((await run(same, () => {}))?.message).toContain("2 trials were not run")
    expect(attempts(campaign)).toEqual([[1, 1, "done"]])

    // With more, but not enough for the turn that the second trial needs: it is not tried again, and the third is not begun.
    const short = await open(2)
    const again = await run(short, ({ id, lab }, stage) => {
      if (stage === "ready") enterStage(store, id, lab!, "error", `${OUT_OF_DOLLARS}: a turn needs 1.50`)
    })
    expect(again?.message).toBe("the campaign's 2.00 dollars are used up: 2 trials were not run")
    expect(attempts(campaign)).toEqual([
      [1, 1, "done"],
      [2, 1, "error"],
    ])

    expect(await run(await open(5), () => {})).toBeNull()
    expect(attempts(campaign).slice(2)).toEqual([
      [2, 2, "done"],
      [3, 1, "done"],
    ])
    expect(getCampaign(store, campaign.id)).toMatchObject({ limit_usd: 5, ended_at: expect.any(String) })
  },
  TIMEOUT_MS,
)

test("what was spent is shown, by eval show and as JSON", async () => {
  const shown = await home.run("eval", "show", "last")
  expect(shown.stdout).toContain("\nspent $1.00 of $5.00\n")
  const { campaign } = JSON.parse((await home.run("eval", "show", "last", "--json")).stdout) as { campaign: unknown }
  expect(structuredClone(campaign)).toMatchObject({ spent_usd: 1, reserved_usd: 0, limit_usd: 5 })
})

const CELL = ["--subject", "ratelimiter", "--fault", "none", "--variant", "oracle", "-n", "1"]

test("a price table that does not fit is refused before anything runs", async () => {
  const file = `${home.dir}/prices.yaml`
  await Bun.write(file, "as_of: 2026-11-20\nmodels:\n  m: { input: 1 }\n")
  const refused = await home.run("campaign", ...CELL, "--prices", file)
  expect(refused).toMatchObject({ exit_code: 2, stdout: "" })
  expect(refused.stderr).toContain(`${file}:3:3: models.m.output: missing`)
  const none = await home.run("campaign", ...CELL, "--prices", `${file}x`)
  expect(none).toMatchObject({ exit_code: 2 })
  expect(none.stderr).toContain(`the prices ${file}x: there is no such file`)
  expect(await home.run("campaign", ...CELL, "--usd", "0")).toMatchObject({ exit_code: 2 })
})

test(
  "a price table and a limit on the command line are kept with the campaign, and the trials",
  async () => {
    const file = `${home.dir}/prices.yaml`
    const text = "as_of: 2026-11-20\nmodels:\n  m: { input: 1, output: 2 }\n"
    await Bun.write(file, text)
    const fast = ["--symptom-within", "1s", "--stable", "1s", "--deadline", "10s"]
    const { exit_code, stdout } = await home.run(
      "campaign",
      ...CELL,
      ...fast,
      "--prices",
      file,
      "--usd",
      "2.5",
      "--json",
    )
    expect(exit_code).toBe(0)
    const ended = JSON.parse(stdout) as { campaign: string; trials: { id: string }[] }
    expect(structuredClone(ended)).toMatchObject({ spent_usd: 0, reserved_usd: 0, limit_usd: 2.5 })
    expect(getCampaign(store, ended.campaign)?.limit_usd).toBe(2.5)
    const [trial] = listTrials(store, { campaign: ended.campaign })
    expect(readText(store, trial!.prices_text!)).toEqual({ kind: "prices", name: file, content: text })
    expect(trial!.prompt_text).toBeNull()
  },
  TIMEOUT_MS,
)

test("a session's cost is told with its end, and one that is not known as that", async () => {
  const lab = recordLab(store, "kv-cost")
  const end = { session: "s-1", outcome: { kind: "claims_done" }, steps: 2, report: null } as const
  for (const cost_usd of [0, 0.0042, null]) append(store, lab, "session.ended", { ...end, cost_usd })
  const { stdout } = await home.run("audit", "show", lab)
  const lines = stdout.split("\n").flatMap((line) => /claims to be done.*/.exec(line) ?? [])
  expect(lines).toEqual([
    "claims to be done, after 2 steps",
    "claims to be done, after 2 steps; cost $0.0042",
    "claims to be done, after 2 steps; cost unknown",
  ])
})
