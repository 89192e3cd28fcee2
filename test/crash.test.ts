import { Database } from "bun:sqlite"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { waitUntil } from "../src/lib/clock.ts"
import { identify } from "../src/lib/process.ts"
import { firstBreak } from "../src/store/events.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { type Home, makeHome } from "./support/operator.ts"

const LIMITS = ["--stable", "1s", "--verify", "1s", "--grace", "1s", "--symptom-within", "6s"]
const CAMPAIGN = ["campaign", "--subject", "ratelimiter", "--variant", "restart-bot", "--deadline", "8s", ...LIMITS]
/** Nobody ends it before its deadline, however late a busy machine comes to look at it. */
const LASTING = ["campaign", "--subject", "ratelimiter", "--variant", "nobody", "--deadline", "2m", ...LIMITS]
const TIMEOUT_MS = 150_000
/** How fast it is, the benchmark `guardian` says. Here eight campaigns share the machine. */
const GONE_WITHIN_MS = 20_000
/** A trial that heals in good order takes its last evidence first. */
const HEALED_WITHIN_MS = 30_000

const STAGES = ["preparing", "ready", "injecting", "watching", "settling", "healing"]

const homes: Home[] = []
afterAll(() => Promise.all(homes.map((home) => home.remove())))
beforeAll(() => expect(process.platform).toBe("linux"))

interface Attempt {
  id: string
  attempt: number
  stage: string
  reason: string | null
  verdict: string | null
  lab: string | null
}

function newHome(): Home {
  const home = makeHome()
  homes.push(home)
  return home
}

function attempts(home: Home): Attempt[] {
  if (!existsSync(home.db)) return []
  const db = new Database(home.db)
  try {
    db.run("pragma busy_timeout = 5000")
    const there = db.query("select 1 from sqlite_schema where name = 'trials'").get()
    return there
      ? db.query<Attempt, []>("select id, attempt, stage, reason, verdict, lab from trials order by attempt").all()
      : []
  } finally {
    db.close()
  }
}

function pidsOf(home: Home, lab: string): { owner: number; guardian: number | null; state: string } {
  const store = openStoreReadOnly(home.db)
  const row = store.db
    .query<{ owner: number; guardian: number | null; state: string }, [string]>(
      "select owner_pid as owner, guardian_pid as guardian, state from labs where id = ?",
    )
    .get(lab)!
  store.close()
  return row
}

/** Waits until the first attempt has come to a stage, or just beyond a short one, and says which pids to kill. */
async function reached(home: Home, stage: string) {
  const there = () => {
    const now = attempts(home)[0]?.stage ?? "pending"
    if (!["pending", ...STAGES].includes(now)) throw new Error(`it was ${now} before it was seen ${stage}`)
    return STAGES.indexOf(now) >= STAGES.indexOf(stage)
  }
  expect(await waitUntil(there, { timeout_ms: 60_000, every_ms: 5 })).toBe(true)
  const first = attempts(home)[0]!
  return { ...first, lab: first.lab!, ...pidsOf(home, first.lab!) }
}

/** Nothing of this lab: no process, running or stopped, and no folder; and the store says so, of the attempt as well. */
async function goneWithin(home: Home, lab: string, timeout_ms: number): Promise<void> {
  const left = () => home.residue().filter((what) => what === lab || what.startsWith("/proc"))
  const gone = await waitUntil(
    () => left().length === 0 && pidsOf(home, lab).state === "destroyed" && attempts(home)[0]!.stage === "error",
    {
      timeout_ms,
      every_ms: 20,
    },
  )
  if (!gone) expect({ left: left(), state: pidsOf(home, lab).state }).toEqual({ left: [], state: "destroyed" })
}

for (const [index, stage] of STAGES.entries()) {
  const fault = ["node_kill", "node_pause", "counter_drift"][index % 3]!
  test.concurrent(
    `a trial of ${fault} killed while ${stage} leaves nothing, is an error of that attempt, and is made again`,
    async () => {
      const home = newHome()
      const campaign = home.start(...CAMPAIGN, "--fault", fault)
      const first = await reached(home, stage)
      process.kill(first.owner, "SIGKILL")
      await goneWithin(home, first.lab, GONE_WITHIN_MS)

      const after = attempts(home)[0]!
      expect(after).toMatchObject({ stage: "error" })
      expect(after.reason).toMatch(/^its owner died(, and no guardian was there)? \(while \w+\)$/)
      await campaign.exited
      expect(attempts(home).map((one) => one.attempt)).toEqual([1, 2])
      expect(attempts(home)[0]).toMatchObject({ verdict: "error" })
      expect(attempts(home)[1]).toMatchObject({ stage: "done" })
      const store = openStoreReadOnly(home.db)
      expect(firstBreak(store, first.lab)).toBeUndefined()
      store.close()
      expect(home.residue()).toEqual([])
    },
    TIMEOUT_MS,
  )
}

test.concurrent(
  "a trial whose guardian is killed ends as an error and takes its lab with it",
  async () => {
    const home = newHome()
    const campaign = home.start(...CAMPAIGN, "--fault", "node_pause")
    const { guardian, lab } = await reached(home, "settling")
    process.kill(guardian!, "SIGKILL")
    await goneWithin(home, lab, HEALED_WITHIN_MS)
    await campaign.exited
    expect(attempts(home)[0]).toMatchObject({ stage: "error", reason: "its guardian died" })
    expect(home.residue()).toEqual([])
  },
  TIMEOUT_MS,
)

test.concurrent(
  "what is left when campaign, trial and guardian die together is swept at the next start",
  async () => {
    const home = newHome()
    const campaign = home.start(...CAMPAIGN, "--fault", "node_pause")
    const { owner, guardian, lab } = await reached(home, "settling")
    for (const pid of [guardian!, campaign.pid, owner]) process.kill(pid, "SIGKILL")
    await campaign.exited
    expect(home.residue()).toContain(lab)
    const swept = await home.run("chaos", "sweep")
    expect(swept.stdout.trim()).toBe(lab)
    await goneWithin(home, lab, 0)
    expect(attempts(home)[0]).toMatchObject({
      stage: "error",
      // It goes on while it is looked at.
      reason: expect.stringMatching(/^its owner died, and no guardian was there \(while (settling|healing)\)$/),
    })
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a trial ends, healed, when the campaign that runs it is killed",
  async () => {
    const home = newHome()
    const campaign = home.start(...LASTING, "--fault", "counter_drift")
    const { lab } = await reached(home, "watching")
    process.kill(campaign.pid, "SIGKILL")
    await goneWithin(home, lab, GONE_WITHIN_MS)
    expect(attempts(home)[0]).toMatchObject({ stage: "error", reason: "interrupted" })
  },
  TIMEOUT_MS,
)

test.concurrent(
  "Ctrl-C heals the lab and exits 130",
  async () => {
    const home = newHome()
    const campaign = home.start(...LASTING, "--fault", "node_kill")
    await reached(home, "watching")
    campaign.kill("SIGINT")
    expect(await campaign.exited).toBe(130)
    expect(await campaign.stderr.text()).toContain("interrupted")
    expect(attempts(home).map(({ stage, reason }) => ({ stage, reason }))).toEqual([
      { stage: "error", reason: "interrupted" },
    ])
    expect(home.residue()).toEqual([])
  },
  TIMEOUT_MS,
)

test.concurrent(
  "Ctrl-C reaches a trial that is stopped, too",
  async () => {
    const home = newHome()
    const campaign = home.start(...CAMPAIGN, "--fault", "node_kill")
    const { owner } = await reached(home, "watching")
    process.kill(owner, "SIGSTOP")
    campaign.kill("SIGINT")
    expect(await campaign.exited).toBe(130)
    expect(home.residue()).toEqual([])
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a lab whose owner is dead and whose guardian is stopped is swept",
  async () => {
    const home = newHome()
    const campaign = home.start(...CAMPAIGN, "--fault", "node_pause")
    const { owner, guardian, lab } = await reached(home, "settling")
    process.kill(guardian!, "SIGSTOP")
    for (const pid of [campaign.pid, owner]) process.kill(pid, "SIGKILL")
    await campaign.exited
    expect((await home.run("chaos", "sweep")).stdout.trim()).toBe(lab)
    await goneWithin(home, lab, 0)
    expect(identify(guardian!)).toBeUndefined()
  },
  TIMEOUT_MS,
)
