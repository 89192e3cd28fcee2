import { expect } from "bun:test"
import { waitUntil } from "../../src/lib/clock.ts"
import { sendSignal } from "../../src/lib/process.ts"
import { UsageError } from "../../src/lib/errors.ts"
import { firstBreak } from "../../src/store/events.ts"
import { openStoreReadOnly } from "../../src/store/open.ts"
import type { Home } from "./operator.ts"

const KINDS = ["runner", "trial", "guardian", "workload", "all"] as const
type Kind = Exclude<(typeof KINDS)[number], "all">

/** A campaign makes its store as soon as it has read its files. */
const STORE_WITHIN_MS = 20_000
/** A round's campaign is left alone for at least this: before it there is hardly anything but the store. */
const MIN_WAIT_MS = 300
/** What is left after a part was killed goes on alone for a part of this, until it is killed as well. */
const MAX_LEFT_MS = 2_000

export interface Killing {
  rounds: number
  /** And for a part of this more. */
  max_wait_ms: number
  /** From 0 to 1. */
  random: () => number
}

/**
 * Starts the campaign of a file again and again, and each time kills one of its processes, or all at once, at some moment. Gives how
 * many it has killed.
 */
export async function killRounds(home: Home, file: string, { rounds, max_wait_ms, random }: Killing): Promise<number> {
  let killed = 0
  for (let round = 0; round < rounds; round++) {
    const child = home.start("campaign", file)
    expect(await waitUntil(() => hasStore(home), { timeout_ms: STORE_WITHIN_MS, every_ms: 20 })).toBe(true)
    const left = await Promise.race([child.exited, Bun.sleep(MIN_WAIT_MS + random() * max_wait_ms)])
    const found = victims(home, child.pid)
    const kind = KINDS[round % KINDS.length]!
    const pids = kind === "all" ? Object.values(found).flat() : found[kind].slice(0, 1)
    // All at once: nobody has the time to notice that another died.
    for (const pid of left === undefined ? pids : []) if (sendSignal(pid, "SIGKILL")) killed += 1
    if (kind === "runner" || kind === "all") await child.exited
    else {
      await Promise.race([child.exited, Bun.sleep(random() * MAX_LEFT_MS)])
      if (child.exitCode === null) child.kill("SIGKILL")
      await child.exited
    }
  }
  return killed
}

/**
 * Finishes the campaign with the same command, and sees that every attempt was ended and judged, that only what was in flight ran
 * again, that no log is broken, and that nothing is left. Gives the verdict of each trial, by fault and variant, and the labs there were.
 */
export async function finish(home: Home, file: string): Promise<{ verdicts: Record<string, string>; labs: string[] }> {
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
  // A trial that said something about its lab was never repeated in its campaign.
  const counted = attempts.filter(({ stage }) => stage !== "error").map((one) => `${one.campaign} ${one.key}`)
  expect(counted).toEqual([...new Set(counted)])
  const labs = attempts.flatMap(({ lab }) => lab ?? [])
  const store = openStoreReadOnly(home.db)
  for (const lab of labs) expect(firstBreak(store, lab)).toBeUndefined()
  store.close()
  const finals = attempts.filter((one) => one.campaign === campaign).map((one) => [one.key, one.verdict])
  return { verdicts: Object.fromEntries(finals) as Record<string, string>, labs }
}

export function query<T>(home: Home, sql: string): T[] {
  const store = openStoreReadOnly(home.db)
  const rows = store.db.query<T, []>(sql).all()
  store.close()
  return rows
}

// internal

interface Attempt {
  id: string
  campaign: string
  key: string
  stage: string
  verdict: string | null
  lab: string | null
}

function hasStore(home: Home): boolean {
  try {
    query(home, "select id from labs limit 1")
    return true
  } catch (error) {
    if (error instanceof UsageError) return false
    throw error
  }
}

/** The processes of whatever runs at this moment, by what they are. */
function victims(home: Home, runner: number): Record<Kind, number[]> {
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
