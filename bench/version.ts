import { type Benchmark, median } from "./measure.ts"

const RUNS = 100
const QUICK_RUNS = 25
const WARM_UP_RUNS = 5

/** The start of the program: what `operator --version` takes beyond a process that does nothing. */
export const version: Benchmark = {
  name: "version",
  run: async ({ binary }, { quick }) => {
    const [operator, nothing]: [number[], number[]] = [[], []]
    // In turn, so that a machine that becomes slower does so for both.
    for (let run = -WARM_UP_RUNS; run < (quick ? QUICK_RUNS : RUNS); run++) {
      const took = [wallOf([binary, "--version"]), wallOf(["/bin/true"])] as const
      if (run < 0) continue
      operator.push(took[0])
      nothing.push(took[1])
    }
    const nothing_ms = median(nothing)
    return [
      {
        name: "operator --version",
        unit: "ms",
        samples: operator.map((took_ms) => took_ms - nothing_ms),
        target: { of: "median", at_most: 10 },
        note: `beyond /bin/true, whose median is ${nothing_ms.toFixed(2)} ms`,
      },
    ]
  },
}

// internal

function wallOf(command: string[]): number {
  const start_ms = performance.now()
  const { exitCode } = Bun.spawnSync(command, { stdio: ["ignore", "ignore", "ignore"] })
  const took_ms = performance.now() - start_ms
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}`)
  return took_ms
}
