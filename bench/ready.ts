import { findSubject } from "../src/lab/parse-subject.ts"
import { systemClock } from "../src/lib/clock.ts"
import { type Benchmark, median } from "./measure.ts"

const RUNS = 5
const QUICK_RUNS = 3

/** A lab of processes from nothing to ready, the start of the program included, without the time that it is to hold. */
export const ready: Benchmark = {
  name: "ready",
  run: async (home, { quick }) => {
    const { stable } = (await findSubject("ratelimiter")).ready
    const [whole, inside]: [number[], number[]] = [[], []]
    const runs = quick ? QUICK_RUNS : RUNS
    for (let run = 0; run < runs; run++) {
      await untilShareOfSecond((run + 0.5) / runs)
      const start_ms = performance.now()
      const up = JSON.parse(await home.run("up", "ratelimiter", "--for", "1m", "--json")) as Up
      whole.push(performance.now() - start_ms - stable)
      inside.push(up.took_ms - stable)
      await home.run("down", up.lab)
    }
    return [
      {
        name: "operator up ratelimiter",
        unit: "ms",
        samples: whole,
        target: { of: "median", at_most: 1_000 },
        note: `beyond ready.stable, ${stable} ms; by its own clock ${Math.round(median(inside))} ms`,
      },
    ]
  },
}

// internal

interface Up {
  lab: string
  took_ms: number
}

/** Load is judged second by second, so how long a start takes depends on where in a second it comes: the runs are spread over it. */
async function untilShareOfSecond(share: number): Promise<void> {
  const now_ms = systemClock.mono_ms() % 1_000
  await systemClock.sleep((1_000 + share * 1_000 - now_ms) % 1_000)
}
