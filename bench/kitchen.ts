import { startExec } from "../src/agent/sandbox/kitchen/exec.ts"
import { openSandbox } from "../src/agent/sandbox/open.ts"
import { dockerEngine, type Engine } from "../src/lab/platforms/docker/engine.ts"
import { type Benchmark, median } from "./measure.ts"
import { withLab } from "./with-lab.ts"

const COMMANDS = 100
const QUICK_COMMANDS = 25
const WARM_UP_COMMANDS = 5
const TIMEOUT_MS = 20_000

/** One command of an agent in its kitchen, beside the barest that the engine can do: create an exec, start it, read to its end. */
export const kitchen: Benchmark = {
  name: "kitchen",
  needs: "docker",
  run: (home, { quick }) =>
    withLab(home, "etcd", async ({ store, lab }) => {
      await using sandbox = await openSandbox(store, lab)
      const engine = dockerEngine()
      const container = `kitchen-${lab.id}`
      const [whole, bare, created]: [number[], number[], number[]] = [[], [], []]
      // In turn, so that a machine that becomes slower does so for both.
      for (let n = -WARM_UP_COMMANDS; n < (quick ? QUICK_COMMANDS : COMMANDS); n++) {
        const start_ms = performance.now()
        const { exit_code, shown } = await sandbox.shell.run("true", { timeout_ms: TIMEOUT_MS })
        if (exit_code !== 0) throw new Error(`the command failed: ${shown}`)
        const took_ms = performance.now() - start_ms
        const exec = await bareExec(engine, container)
        if (n < 0) continue
        whole.push(took_ms)
        bare.push(exec.took_ms)
        created.push(exec.created_ms)
      }
      return [
        {
          name: "a command through the kitchen",
          unit: "ms",
          samples: whole,
          target: { of: "median", at_most: 60 },
          note: "`true`, beside a loaded etcd",
        },
        {
          name: "a bare exec by the engine",
          unit: "ms",
          samples: bare,
          note: `of that ${median(created).toFixed(1)} ms until it was started`,
        },
      ]
    }),
}

// internal

async function bareExec(engine: Engine, container: string): Promise<{ took_ms: number; created_ms: number }> {
  const start_ms = performance.now()
  const exec = await startExec(engine, container, { argv: ["bash", "-c", "true"], onOutput: () => {} })
  if (exec.kind === "refused") throw new Error(exec.problem)
  const created_ms = performance.now() - start_ms
  await exec.process.closed
  const took_ms = performance.now() - start_ms
  exec.process.release()
  return { took_ms, created_ms }
}
