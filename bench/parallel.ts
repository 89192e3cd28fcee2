import { type Benchmark, median } from "./measure.ts"

const RUNS = 5
const QUICK_RUNS = 1
const PARALLEL = 4
const TRIALS = 4
/** Four at a time take no longer than a fourth of them one after another would, with 85 % of it to spare. */
const EFFICIENCY = 0.85

/** Trials four at a time against a fourth as many one after another, as a ratio of their times in one run. */
export const parallel: Benchmark = {
  name: "parallel",
  run: async (home, { quick }) => {
    const [ratios, together, alone]: [number[], number[], number[]] = [[], [], []]
    while (ratios.length < (quick ? QUICK_RUNS : RUNS)) {
      alone.push(await timed(() => home.run(...CAMPAIGN, "-n", String(TRIALS / PARALLEL), "--parallel", "1")))
      together.push(await timed(() => home.run(...CAMPAIGN, "-n", String(TRIALS), "--parallel", String(PARALLEL))))
      ratios.push((100 * together.at(-1)!) / alone.at(-1)!)
    }
    const note = `in hundredths: ${TRIALS} trials took ${Math.round(median(together))} ms, ${TRIALS / PARALLEL} alone ${Math.round(median(alone))} ms`
    const target = { of: "median", at_most: Math.round(100 / EFFICIENCY) } as const
    return [
      { name: `${PARALLEL} trials at a time over a fourth of them alone`, unit: "%", samples: ratios, target, note },
    ]
  },
}

// internal

const CAMPAIGN = [
  ...["campaign", "--subject", "ratelimiter", "--fault", "node_pause", "--variant", "oracle"],
  ...["--stable", "3s", "--verify", "1s", "--new"],
]

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start_ms = performance.now()
  await work()
  return performance.now() - start_ms
}
