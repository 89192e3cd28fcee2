import { afterAll, beforeAll, expect } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Result } from "../src/eval/results.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { firstBreak } from "../src/store/events.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { cuttable } from "./support/cuttable.ts"
import { dockerTest, labelled, TINY } from "./support/docker.ts"
import { type Home, makeHome } from "./support/operator.ts"

/** An engine that goes away for some seconds and comes back: a restart, as whoever is connected to it sees it. */
const TIMEOUT_MS = 120_000
const AWAY_MS = 2_000
const LIMITS = ["--stable", "2s", "--verify", "1s", "--grace", "1s", "--deadline", "4s", "--symptom-within", "3s"]

let home: Home
let way: Awaited<ReturnType<typeof cuttable>>
beforeAll(async () => {
  way = await cuttable()
  home = makeHome()
  home.env.DOCKER_HOST = `unix://${way.socket}`
  mkdirSync(join(home.dir, "compose"))
  writeFileSync(join(home.dir, "compose", "tiny.yaml"), TINY)
})
afterAll(async () => {
  const residue = home.residue()
  await home.remove()
  await way[Symbol.asyncDispose]()
  expect(residue).toEqual([])
})

const soon = async (condition: () => boolean | Promise<boolean>) =>
  expect(await waitUntil(condition, { timeout_ms: 30_000, every_ms: 20 })).toBe(true)
const labs = async () =>
  JSON.parse((await home.run("labs", "--json")).stdout || "[]") as { lab: string; nodes: { state: string }[] }[]

dockerTest(
  "a trial whose engine goes away is an error that says so, leaves nothing, and is made again",
  async () => {
    const words = ["--subject", "tiny", "--fault", "node_kill", "--variant", "nobody", ...LIMITS, "--json"]
    const campaign = home.start("campaign", ...words)
    let lab: string | undefined
    const broken = async () =>
      (lab = (await labs()).find(({ nodes }) => nodes.some(({ state }) => state === "exited"))?.lab) !== undefined
    await soon(async () => (await broken()) && labelled(lab!).length > 3)
    way.cut()
    await Bun.sleep(AWAY_MS)
    way.mend()
    const [stdout, stderr] = await Promise.all([campaign.stdout.text(), campaign.stderr.text()])
    const exit_code = await campaign.exited
    expect({ exit_code, stderr: exit_code === 0 ? "" : stderr }).toEqual({ exit_code: 0, stderr: "" })
    const { trials } = JSON.parse(stdout) as { trials: Result[] }
    expect(trials.map(({ verdict, attempt }) => [attempt, verdict])).toEqual([
      [1, "error"],
      [2, "unrepaired"],
    ])
    expect(trials[0]).toMatchObject({
      lab,
      reason: expect.stringMatching(/^its lab could not be reached: no Docker engine answers at /),
    })
    const store = openStoreReadOnly(home.db)
    for (const one of trials) {
      expect(labelled(one.lab!)).toEqual([])
      expect(firstBreak(store, one.lab!)).toBeUndefined()
    }
    store.close()
  },
  TIMEOUT_MS,
)

dockerTest(
  "a lab whose owner dies while the engine is away is removed by its guardian once it is back",
  async () => {
    const { stdout } = await home.run("up", "tiny", "--json")
    const { lab } = JSON.parse(stdout) as { lab: string }
    const row = openStoreReadOnly(home.db)
    const guardian = row.db.query<{ guardian_pid: number }, [string]>("select guardian_pid from labs where id = ?")
    const { guardian_pid } = guardian.get(lab)!
    row.close()
    way.cut()
    process.kill(guardian_pid, "SIGTERM")
    await Bun.sleep(AWAY_MS)
    expect(labelled(lab).length).toBeGreaterThan(3)
    way.mend()
    await soon(() => labelled(lab).length === 0 && home.residue().length === 0)
  },
  TIMEOUT_MS,
)

dockerTest(
  "a command that needs an engine which is away says so, and what to do",
  async () => {
    way.cut()
    const { stderr, exit_code } = await home.run("up", "tiny")
    way.mend()
    expect(exit_code).toBe(4)
    expect(stderr).toContain("no Docker engine answers at unix://")
    expect(stderr).toContain("operator doctor")
    expect(home.residue()).toEqual([])
  },
  TIMEOUT_MS,
)
