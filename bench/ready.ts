import { findSubject } from "../src/lab/parse-subject.ts"
import { systemClock } from "../src/lib/clock.ts"
import { type Event, events } from "../src/store/events.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { type Benchmark, median } from "./measure.ts"

const RUNS = 5
const QUICK_RUNS = 3

/** A lab of processes from nothing to ready, the start of the program included, without the time that it is to hold. */
export const ready: Benchmark = toReady({ name: "ready", subject: "ratelimiter", at_most_ms: 1_000 })

/** The same of a real cluster of four containers, whose images are there. */
export const dockerReady: Benchmark = {
  needs: "docker",
  ...toReady({ name: "docker-ready", subject: "etcd", at_most_ms: 6_000 }),
}

// internal

function toReady({ name, subject, at_most_ms }: { name: string; subject: string; at_most_ms: number }): Benchmark {
  return {
    name,
    run: async (home, { quick }) => {
      const { stable } = (await findSubject(subject)).ready
      const [whole, up, inside]: [number[], number[], number[]] = [[], [], []]
      const runs = quick ? QUICK_RUNS : RUNS
      for (let run = 0; run < runs; run++) {
        await untilShareOfSecond((run + 0.5) / runs)
        const start_ms = performance.now()
        const lab = JSON.parse(await home.run("up", subject, "--for", "1m", "--json")) as Up
        whole.push(performance.now() - start_ms - stable)
        inside.push(lab.took_ms - stable)
        up.push(upMs(home.db, lab.lab))
        await home.run("down", lab.lab)
      }
      return [
        {
          name: `operator up ${subject}`,
          unit: "ms",
          samples: whole,
          target: { of: "median", at_most: at_most_ms },
          note: `beyond ready.stable, ${stable} ms; by its own clock ${Math.round(median(inside))} ms, of that ${Math.round(median(up))} ms until its nodes were there`,
        },
      ]
    },
  }
}

interface Up {
  lab: string
  took_ms: number
}

/** How long a lab took until all its nodes were there, by its log. */
function upMs(file: string, lab: string): number {
  const store = openStoreReadOnly(file)
  const [up] = events(store, lab, { kinds: ["lab.up"] }) as Event<"lab.up">[]
  store.close()
  return up!.body.took_ms
}

/** Load is judged second by second, so how long a start takes depends on where in a second it comes: the runs are spread over it. */
async function untilShareOfSecond(share: number): Promise<void> {
  const now_ms = systemClock.mono_ms() % 1_000
  await systemClock.sleep((1_000 + share * 1_000 - now_ms) % 1_000)
}
