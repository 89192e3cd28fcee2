import { join } from "node:path"
import { startScriptedClaude } from "../test/scripted-claude/server.ts"
import type { Told } from "./claude-session.ts"
import { type Benchmark, median, type Measured } from "./measure.ts"

/** What a session has by default; the SDK writes the whole conversation anew for each turn, so that a longer one has slower turns. */
const TURNS = 60
const SESSIONS = 16
const QUICK_SESSIONS = 4
/** Modules are compiled and caches filled in the first session. */
const WARM_UP_SESSIONS = 1

/** Longer than any session, for what is kept of each turn. */
const LONG_TURNS = 1_000

/** A turn of the loop over HTTP with the scripted Claude, beyond its command and the server's own time; beside it a bare loop over the SDK. */
export const claude: Benchmark = {
  name: "claude",
  run: async ({ dir }, { quick }) => {
    const sessions = WARM_UP_SESSIONS + (quick ? QUICK_SESSIONS : SESSIONS)
    const [whole, bare] = [await run("whole", dir, { sessions }), await run("bare", dir, { sessions })]
    const one = { sessions: 1, turns: LONG_TURNS }
    const [long, long_bare] = [await run("whole", dir, one), await run("bare", dir, one)]
    const memory: Measured = {
      name: `memory of ${LONG_TURNS} turns with Claude`,
      unit: "MB",
      samples: [long.peak_mb],
      target: { of: "max", at_most: 150 },
      note: `a bare loop: ${long_bare.peak_mb.toFixed(0)} MB; turns of ${median(long.turns).toFixed(1)} ms, bare ${median(long_bare.turns).toFixed(1)} ms`,
    }
    return [
      {
        name: "turn with Claude",
        unit: "ms",
        samples: whole.turns,
        target: { of: "median", at_most: 1.5 },
        note: BEYOND,
      },
      {
        name: "turn with Claude, slowest of 100",
        unit: "ms",
        samples: worstOfEach(whole.turns),
        target: { of: "median", at_most: 6 },
      },
      { name: "turn of a bare loop", unit: "ms", samples: bare.turns, note: "no audit, no command" },
      memory,
    ]
  },
}

// internal

const BEYOND = "beyond its command and the server's own time"

interface Taken {
  turns: number[]
  peak_mb: number
}

/** Conversations one after the other in a process of their own, each turn less what the server took for it. */
async function run(
  kind: "whole" | "bare",
  dir: string,
  { sessions, turns = TURNS }: { sessions: number; turns?: number },
): Promise<Taken> {
  await using server = await startScriptedClaude({
    record: false,
    answers: (_, index) =>
      index < turns ? { think: "Hm.", call: { reasoning: "to be timed", command: "true" } } : { say: "Done." },
  })
  const told = Promise.withResolvers<Told>()
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "claude-session.ts"), kind, dir, String(sessions)], {
    env: { ...Bun.env, ANTHROPIC_BASE_URL: server.url, ANTHROPIC_API_KEY: server.key },
    ipc: (message: Told) => told.resolve(message),
    stdio: ["ignore", "ignore", "inherit"],
  })
  void child.exited.then((code) => told.reject(new Error(`the session's process ended with ${code}`)))
  const { turns: took_ms, peak_mb } = await told.promise
  await child.exited
  if (server.violations.length > 0) throw new Error(server.violations[0])
  const beyond = took_ms.flatMap((ms, i) => (ms === null ? [] : [ms - (server.served_ms[i] ?? 0)]))
  return { turns: sessions === 1 ? beyond : beyond.slice(WARM_UP_SESSIONS * turns), peak_mb }
}

/** The slowest of each hundred: the 99th percentile, with a spread of its own. */
function worstOfEach(samples: readonly number[]): number[] {
  const hundreds = Array.from({ length: Math.floor(samples.length / 100) }, (_, i) =>
    samples.slice(i * 100, i * 100 + 100),
  )
  return hundreds.map((hundred) => hundred.toSorted((a, b) => b - a)[1]!)
}
