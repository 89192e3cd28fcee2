import { events } from "../src/store/events.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { type Benchmark, median } from "./measure.ts"

const RUNS = 5
const QUICK_RUNS = 2
const STABLE_MS = 2_000

/**
 * The harness's own time in a trial: what is left of the whole command once booting, breaking, detecting, repairing and the
 * stable window are taken off.
 */
export const trial: Benchmark = {
  name: "trial",
  run: async (home, { quick }) => {
    const [own, whole]: [number[], number[]] = [[], []]
    while (own.length < (quick ? QUICK_RUNS : RUNS)) {
      const start_ms = performance.now()
      const answer = await home.run(...CAMPAIGN, "--new", "--json")
      const took_ms = performance.now() - start_ms
      const { trials } = JSON.parse(answer) as { trials: { lab: string; facts: { recovered_ms: number } }[] }
      const { lab, facts } = trials[0]!
      whole.push(took_ms)
      own.push(took_ms - bootMs(home.db, lab) - facts.recovered_ms - STABLE_MS)
    }
    const note = `a trial took ${Math.round(median(whole))} ms, stable ${STABLE_MS} ms`
    const target = { of: "median", at_most: 500 } as const
    return [{ name: "harness's own time in a trial", unit: "ms", samples: own, target, note }]
  },
}

// internal

const CAMPAIGN = [
  ...["campaign", "--subject", "ratelimiter", "--fault", "node_pause", "--variant", "oracle"],
  ...["--stable", `${STABLE_MS}ms`, "--verify", "1s"],
]

/** From the lab's record to the moment at which it is ready. */
function bootMs(file: string, lab: string): number {
  const store = openStoreReadOnly(file)
  const log = events(store, lab, { kinds: ["lab.created", "trial.stage"] })
  store.close()
  const ready = log.find(
    (event) => event.kind === "trial.stage" && "stage" in event.body && event.body.stage === "ready",
  )
  return ready!.mono_ms - log[0]!.mono_ms
}
