import { expect, test } from "bun:test"
import { DEFAULT_LIMITS, LEASE_MS } from "../src/agent/limits.ts"
import { converse } from "../src/agent/loop.ts"
import { MAX_ATTEMPTS } from "../src/agent/model/failure.ts"
import { localShell } from "../src/agent/sandbox/local.ts"
import type { Shell } from "../src/agent/sandbox/shell.ts"
import { within } from "../src/lib/clock.ts"
import { events, firstBreak } from "../src/store/events.ts"
import type { EventKind, Outcome } from "../src/store/kinds.ts"
import type { Store } from "../src/store/open.ts"
import { claimLab, endSession, type SessionEnd } from "../src/store/sessions.ts"
import { type ScriptedClaude, startScriptedClaude } from "./scripted-claude/server.ts"
import { claudeAt } from "./support/claude-model.ts"
import { type Random, randomAnswer, randomFrom } from "./support/random-answers.ts"
import { recordLab, storedLab } from "./support/stored-lab.ts"

// Whatever comes over the wire, a session ends in an orderly way. A failure names the seed of its session:
// OPERATOR_TEST_SEED=<seed> OPERATOR_TEST_SESSIONS=1 bun test test/claude-property.test.ts plays that session again.

const SESSIONS = Number(process.env["OPERATOR_TEST_SESSIONS"] ?? (process.env["CI"] ? 10_000 : 500))
const FIRST_SEED = Number(process.env["OPERATOR_TEST_SEED"] ?? Date.now() % 2 ** 31)

/** At the same time, each with a Claude and a store of its own. */
const CONVERSATIONS = 12
/** Far more than any of these takes: it hangs. */
const HANGS_MS = 60_000
const TIMEOUT_MS = 600_000
/** Far longer than any of these answers takes, also on a machine that has much to do, so that silence alone is taken for silence. */
const STALL_MS = 5_000

const OUTCOMES: Record<Outcome["kind"], true> = {
  ...{ claims_done: true, gave_up: true, refused: true, limit: true },
  ...{ model_error: true, interrupted: true, halted: true },
}

test(
  `${SESSIONS} sessions of anything at all leave a store that is consistent`,
  async () => {
    const ends = new Map<string, number>()
    let next = 0
    const playing = async () => {
      using stored = storedLab()
      await using stage = await setStage(stored.store)
      try {
        while (next < SESSIONS) {
          const kind = await play(FIRST_SEED + next++, stage)
          ends.set(kind, (ends.get(kind) ?? 0) + 1)
        }
      } finally {
        // The first failure is enough.
        next = SESSIONS
      }
    }
    await Promise.all(Array.from({ length: CONVERSATIONS }, playing))
    // A few hundred sessions meet every end there is, save for what comes from outside of these.
    const met = Object.keys(OUTCOMES).filter((kind) => kind !== "halted")
    if (SESSIONS >= 500) expect([...ends.keys()].toSorted()).toEqual(met.toSorted())
  },
  TIMEOUT_MS,
)

// internal

/** A session while it is played. */
interface Played {
  page: string
  random: Random
  sour: boolean
  stop: AbortController
  /** The request at which a person stops the session; never for most. */
  stops_at: number
  requests: number
}

interface Stage extends AsyncDisposable {
  store: Store
  claude: ScriptedClaude
  played: Played | undefined
}

/** A Claude that answers each session from its own seed. */
async function setStage(store: Store): Promise<Stage> {
  const claude = await startScriptedClaude({
    record: false,
    answers: ({ text }) => {
      const { played } = stage
      // A request of a session that was stopped may come late.
      if (!played || !text.includes(played.page)) return {}
      played.requests += 1
      if (played.requests === played.stops_at) setTimeout(() => played.stop.abort(), played.random.below(4))
      return randomAnswer(played.random, played)
    },
  })
  const stage: Stage = { store, claude, played: undefined, [Symbol.asyncDispose]: () => claude.close() }
  return stage
}

/** Plays one session and looks at what it has left behind. */
async function play(seed: number, stage: Stage): Promise<Outcome["kind"]> {
  const { store, claude } = stage
  const random = randomFrom(seed)
  const played: Played = {
    ...{ page: `the page of ${seed}.`, random, sour: random.oneIn(8), stop: new AbortController() },
    ...{ stops_at: random.oneIn(12) ? 1 + random.below(4) : -1, requests: 0 },
  }
  stage.played = played
  const lab = recordLab(store, `kv-${seed}`)
  const session = `s-${seed}`
  const lease = claimLab(store, { lab, session, variant: "v", model: "m", lease_ms: LEASE_MS, max_attempts: 1 })!
  const limits = { ...DEFAULT_LIMITS, steps: 1 + random.below(10), usd: random.pick([0.2, 0.5, 3, null]) }
  const shell = random.oneIn(20) ? REAL_SHELL : QUICK_SHELL
  try {
    const conversation = { store, lease, limits, shell, page: played.page, news: () => "", signal: played.stop.signal }
    const model = claudeAt(claude, { stall_ms: STALL_MS })
    const end = await within(converse({ ...conversation, model }), { timeout_ms: HANGS_MS })
    if (!end) throw new Error("it hangs")
    endSession(store, lease, end)
    check(store, lab, end, limits)
    expect(claude.violations).toEqual([])
    return end.outcome.kind
  } catch (cause) {
    throw new Error(`OPERATOR_TEST_SEED=${seed} OPERATOR_TEST_SESSIONS=1: ${cause}`, { cause })
  }
}

function check(store: Store, lab: string, end: SessionEnd, limits: { steps: number; usd: number | null }): void {
  const log = <K extends EventKind>(...kinds: K[]) => events(store, lab, { kinds })
  expect(firstBreak(store, lab)).toBeUndefined()
  expect(OUTCOMES[end.outcome.kind]).toBe(true)

  const acts = log("command", "result").map(({ kind, body }) => ({ kind, place: `${body.step} ${body.call}` }))
  const commands = acts.filter(({ kind }) => kind === "command").map(({ place }) => place)
  expect(acts.map(({ kind, place }) => `${kind} ${place}`)).toEqual(
    commands.flatMap((place) => [`command ${place}`, `result ${place}`]),
  )
  expect(new Set(commands).size).toBe(commands.length)

  expect(log("message").map(({ body }) => body.step)).toEqual(
    Array.from({ length: end.steps }, (_, index) => index + 1),
  )
  expect(end.steps).toBeLessThanOrEqual(limits.steps)
  const failures = Map.groupBy(log("model.failed"), ({ body }) => body.step)
  for (const failed of failures.values()) expect(failed.length).toBeLessThanOrEqual(MAX_ATTEMPTS)

  const paid = store.db
    .query<{ spent_usd: number | null }, [string]>("select spent_usd from spending where lab = ? order by id")
    .all(lab)
    .map(({ spent_usd }) => spent_usd)
  expect(paid.filter((usd) => usd === null)).toEqual([])
  const before_last = paid.slice(0, -1).reduce<number>((sum, usd) => sum + usd!, 0)
  expect(before_last).toBeLessThanOrEqual(limits.usd ?? Infinity)
}

const REAL_SHELL = localShell({ cwd: "/", env: {} })

/** What `true` does, without a process. */
const QUICK_SHELL: Shell = {
  run: async () => ({
    ...{ exit_code: 0, signal: null, ended_by: "exit", duration_ms: 1 },
    ...{ shown: "", output: new Uint8Array(), output_bytes: 0 },
  }),
}
