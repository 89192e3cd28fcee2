import { type Benchmark, median } from "./measure.ts"

const RUNS = 5
const QUICK_RUNS = 1
const PARALLEL = 4
const TRIALS = 4

/** Trials of processes four at a time against a fourth as many one after another, as a ratio of their times in one run. */
export const parallel: Benchmark = inParallel({
  name: "parallel",
  campaign: ["--subject", "ratelimiter", "--fault", "node_pause", "--variant", "oracle"],
  // 85 % of the time to spare.
  efficiency: 0.85,
  runs: RUNS,
})

/** The same with real clusters, each of four containers. */
export const dockerParallel: Benchmark = {
  needs: "docker",
  ...inParallel({
    name: "docker-parallel",
    campaign: ["--subject", "etcd", "--fault", "node_kill", "--variant", "oracle"],
    efficiency: 0.8,
    runs: 3,
  }),
}

// internal

const LIMITS = ["--stable", "3s", "--verify", "1s", "--new"]

interface Trials {
  name: string
  campaign: string[]
  /** Four at a time take no longer than a fourth of them one after another would, divided by this. */
  efficiency: number
  runs: number
}

function inParallel({ name, campaign, efficiency, runs }: Trials): Benchmark {
  return {
    name,
    run: async (home, { quick }) => {
      const [ratios, together, alone]: [number[], number[], number[]] = [[], [], []]
      const trials = (n: number, parallel: number) =>
        timed(() => home.run("campaign", ...campaign, ...LIMITS, "-n", String(n), "--parallel", String(parallel)))
      while (ratios.length < (quick ? QUICK_RUNS : runs)) {
        alone.push(await trials(TRIALS / PARALLEL, 1))
        together.push(await trials(TRIALS, PARALLEL))
        ratios.push((100 * together.at(-1)!) / alone.at(-1)!)
      }
      return [
        {
          name: `${PARALLEL} trials of ${campaign[1]} at a time over a fourth of them alone`,
          unit: "%",
          samples: ratios,
          target: { of: "median", at_most: Math.round(100 / efficiency) },
          note: `in hundredths: ${TRIALS} trials took ${Math.round(median(together))} ms, ${TRIALS / PARALLEL} alone ${Math.round(median(alone))} ms`,
        },
      ]
    },
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start_ms = performance.now()
  await work()
  return performance.now() - start_ms
}
