import { afterAll, expect, test } from "bun:test"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import { seeded } from "../src/lib/random.ts"
import { finish, killRounds, query } from "./support/killing.ts"
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

test(
  "kill -9 of anything, at twenty random moments: the same command finishes the campaign, and nothing is left behind",
  async () => {
    const home = makeHome()
    homes.push(home)
    const file = join(home.dir, "survivor.yaml")
    writeFileSync(file, CAMPAIGN)
    const random = seeded(Number(Bun.env.KILL_SEED ?? 20_261_120))
    const killed = await killRounds(home, file, { rounds: ROUNDS, max_wait_ms: MAX_WAIT_MS, random })
    expect(killed).toBeGreaterThan(ROUNDS / 2)
    expect((await finish(home, file)).verdicts).toEqual({
      "node_kill oracle": "repaired",
      "node_pause oracle": "repaired",
      "counter_drift oracle": "repaired",
      "node_kill nobody": "unrepaired",
      "node_pause nobody": "unrepaired",
      "counter_drift nobody": "unrepaired",
    })
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
