import { join } from "node:path"
import { startScriptedClaude } from "../test/scripted-claude/server.ts"
import type { Told } from "./claude-session.ts"
import type { Benchmark, Measured } from "./measure.ts"

const TURNS = 1_000
const QUICK_TURNS = 200
/** Modules are compiled and caches filled in the first turns. */
const WARM_UP_TURNS = 20

/** A turn of the loop over HTTP with the scripted Claude, beyond its command and the server's own time; beside it a bare loop over the SDK. */
export const claude: Benchmark = {
  name: "claude",
  run: async ({ dir }, { quick }) => {
    const turns = quick ? QUICK_TURNS : TURNS
    const [whole, bare] = [await session("whole", dir, turns), await session("bare", dir, turns)]
    const memory: Measured = {
      name: `memory of ${turns} turns with Claude`,
      unit: "MB",
      samples: [whole.peak_mb],
      target: { of: "max", at_most: 150 },
      note: `a bare loop: ${bare.peak_mb.toFixed(0)} MB`,
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

/** A conversation of so many turns in a process of its own, each turn less what the server took for it. */
async function session(kind: "whole" | "bare", dir: string, turns: number): Promise<Told> {
  await using server = await startScriptedClaude({
    record: false,
    answers: (_, index) =>
      index < turns ? { think: "Hm.", call: { reasoning: "to be timed", command: "true" } } : { say: "Done." },
  })
  const told = Promise.withResolvers<Told>()
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "claude-session.ts"), kind, dir], {
    env: { ...Bun.env, ANTHROPIC_BASE_URL: server.url, ANTHROPIC_API_KEY: server.key },
    ipc: (message: Told) => told.resolve(message),
    stdio: ["ignore", "ignore", "inherit"],
  })
  void child.exited.then((code) => told.reject(new Error(`the session's process ended with ${code}`)))
  const { turns: took_ms, peak_mb } = await told.promise
  await child.exited
  if (server.violations.length > 0) throw new Error(server.violations[0])
  return { turns: took_ms.map((ms, i) => ms - (server.served_ms[i] ?? 0)).slice(WARM_UP_TURNS), peak_mb }
}

/** The slowest of each hundred: the 99th percentile, with a spread of its own. */
function worstOfEach(samples: readonly number[]): number[] {
  const hundreds = Array.from({ length: Math.floor(samples.length / 100) }, (_, i) =>
    samples.slice(i * 100, i * 100 + 100),
  )
  return hundreds.map((hundred) => hundred.toSorted((a, b) => b - a)[1]!)
}
