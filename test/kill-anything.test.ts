import { afterAll, expect, test } from "bun:test"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import { seeded } from "../src/lib/random.ts"
import { sendSignal } from "../src/lib/process.ts"
import { firstBreak } from "../src/store/events.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { type Home, makeHome } from "./support/operator.ts"

const ROUNDS = 20
/** A round ends at the latest after this; most trials take three seconds. */
const MAX_WAIT_MS = 4_500
const TIMEOUT_MS = 300_000

const CAMPAIGN = `
name: survivor
subjects: [ratelimiter]
faults: [node_kill, node_pause, counter_drift]
variants: [oracle, nobody]
parallel: 2
limits: { deadline: 4s, symptom_within: 4s, stable: 1s, verify: 1s, give_up_grace: 1s }
`

const homes: Home[] = []
afterAll(() => Promise.all(homes.map((home) => home.remove())))

interface Attempt {
  id: string
  campaign: string
  key: string
  stage: string
  verdict: string | null
  lab: string | null
}

function query<T>(home: Home, sql: string): T[] {
  const store = openStoreReadOnly(home.db)
  const rows = store.db.query<T, []>(sql).all()
  store.close()
  return rows
}

/** The processes of whatever runs at this moment, by what they are. */
function victims(home: Home, runner: number): Record<string, number[]> {
  const labs = query<{ id: string; owner: number; guardian: number | null }>(
    home,
    "select id, owner_pid as owner, guardian_pid as guardian from labs where state <> 'destroyed'",
  )
  const workloads = query<{ lab: string; pid: number }>(
    home,
    "select lab, json_extract(body, '$.pid') as pid from events where kind = 'workload.started'",
  )
  return {
    runner: [runner],
    trial: labs.map(({ owner }) => owner),
    guardian: labs.flatMap(({ guardian }) => guardian ?? []),
    workload: workloads.filter(({ lab }) => labs.some(({ id }) => id === lab)).map(({ pid }) => pid),
  }
}

test(
  "kill -9 of anything, at twenty random moments: the same command finishes the campaign, and nothing is left behind",
  async () => {
    const home = makeHome()
    homes.push(home)
    const file = join(home.dir, "survivor.yaml")
    writeFileSync(file, CAMPAIGN)
    const random = seeded(Number(Bun.env.KILL_SEED ?? 20_261_120))
    let killed = 0
    for (let round = 0; round < ROUNDS; round++) {
      const child = home.start("campaign", file)
      const left = await Promise.race([child.exited, Bun.sleep(300 + random() * MAX_WAIT_MS)])
      const found = victims(home, child.pid)
      const kinds = ["runner", "trial", "guardian", "workload", "all"]
      const kind = kinds[round % kinds.length]!
      const pids = kind === "all" ? Object.values(found).flat() : found[kind]!.slice(0, 1)
      // All at once: nobody has the time to notice that another died.
      for (const pid of left === undefined ? pids : []) if (sendSignal(pid, "SIGKILL")) killed += 1
      if (kind === "runner" || kind === "all") await child.exited
      else {
        await Promise.race([child.exited, Bun.sleep(random() * 2_000)])
        if (child.exitCode === null) child.kill("SIGKILL")
        await child.exited
      }
    }
    expect(killed).toBeGreaterThan(ROUNDS / 2)

    const last = await home.run("campaign", file, "--json")
    expect({ exit_code: last.exit_code, stderr: last.exit_code === 0 ? "" : last.stderr }).toEqual({
      exit_code: 0,
      stderr: "",
    })
    expect(home.residue()).toEqual([])
    expect((await home.run("chaos", "sweep")).stdout).toBe("")

    const { campaign } = JSON.parse(last.stdout) as { campaign: string }
    const attempts = query<Attempt>(
      home,
      "select id, campaign, fault || ' ' || variant as key, stage, verdict, lab from trials order by created_at, attempt",
    )
    for (const attempt of attempts) {
      // A copy: Bun 1.4.4 leaves the matchers in what it compares.
      expect({ ...attempt }).toMatchObject({
        stage: expect.stringMatching(/^(done|invalid|error)$/),
        verdict: expect.any(String),
      })
    }
    // Only what was in flight ran again: a trial that said something about its lab was never repeated in its campaign.
    const counted = attempts.filter(({ stage }) => stage !== "error").map((one) => `${one.campaign} ${one.key}`)
    expect(counted).toEqual([...new Set(counted)])
    const finals = new Map(attempts.filter((one) => one.campaign === campaign).map((one) => [one.key, one.verdict]))
    expect(Object.fromEntries(finals)).toEqual({
      "node_kill oracle": "repaired",
      "node_pause oracle": "repaired",
      "counter_drift oracle": "repaired",
      "node_kill nobody": "unrepaired",
      "node_pause nobody": "unrepaired",
      "counter_drift nobody": "unrepaired",
    })
    const store = openStoreReadOnly(home.db)
    for (const { lab } of attempts) if (lab !== null) expect(firstBreak(store, lab)).toBeUndefined()
    store.close()
  },
  TIMEOUT_MS,
)

test(
  "an interrupted campaign goes on where it was, and does no trial twice that was done",
  async () => {
    const home = makeHome()
    homes.push(home)
    const file = join(home.dir, "survivor.yaml")
    writeFileSync(file, CAMPAIGN)
    const child = home.start("campaign", file)
    const done = () => query<{ n: number }>(home, "select count(*) as n from trials where stage = 'done'")[0]!.n
    const twoAreDone = () => existsSync(home.db) && done() >= 2
    expect(await waitUntil(twoAreDone, { timeout_ms: 120_000, every_ms: 50 })).toBe(true)
    const second = await home.run("campaign", file)
    expect(second).toMatchObject({ exit_code: 2, stderr: expect.stringContaining(`is running: process ${child.pid}`) })
    child.kill("SIGINT")
    expect(await child.exited).toBe(130)
    expect(home.residue()).toEqual([])
    const before = query<{ id: string }>(home, "select id from trials where stage = 'done'").map(({ id }) => id)

    const last = await home.run("campaign", file)
    expect(last).toMatchObject({ exit_code: 0, stderr: expect.stringContaining("going on with") })
    const doubles = query<{ n: number }>(
      home,
      "select count(*) as n from trials where stage = 'done' group by fault, variant",
    ).filter(({ n }) => n > 1)
    expect(doubles).toEqual([])
    expect(query<{ id: string }>(home, "select id from trials where stage = 'done'").map(({ id }) => id)).toEqual(
      expect.arrayContaining(before),
    )
  },
  TIMEOUT_MS,
)
