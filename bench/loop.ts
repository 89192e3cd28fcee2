import { join } from "node:path"
import { DEFAULT_LIMITS, LEASE_MS } from "../src/agent/limits.ts"
import { converse } from "../src/agent/loop.ts"
import type { Model, Turn } from "../src/agent/model/model.ts"
import { ticketNews } from "../src/agent/page.ts"
import { localShell } from "../src/agent/sandbox/local.ts"
import { openStore } from "../src/store/open.ts"
import { claimLab } from "../src/store/sessions.ts"
import { recordLab } from "../test/support/stored-lab.ts"
import { type Benchmark, median } from "./measure.ts"

const TURNS = 1_000
const QUICK_TURNS = 200
const WARM_UP_TURNS = 20
const LIMITS = { ...DEFAULT_LIMITS, steps: Infinity }

/** One turn of the loop with an instant model and `true` as the command, beyond what starting a shell costs anybody. */
export const loop: Benchmark = {
  name: "loop",
  run: async ({ dir }, { quick }) => {
    const store = openStore(join(dir, "loop.db"))
    const lab = recordLab(store, "loop-1")
    const claim = { session: "loop", variant: "instant", model: "instant", lease_ms: LEASE_MS, max_attempts: 1 }
    const lease = claimLab(store, { lab, ...claim })
    if (!lease) throw new Error("a fresh lab could not be claimed")
    const { model, turns, shells } = instantModel(dir, quick ? QUICK_TURNS : TURNS)
    const end = await converse({
      store,
      lease,
      model,
      shell: localShell({ cwd: dir, env: {} }),
      limits: LIMITS,
      page: "",
      news: ticketNews(store, lab),
      signal: new AbortController().signal,
    })
    store.close()
    if (end.outcome.kind !== "claims_done") throw new Error(`the session ended as ${end.outcome.kind}`)
    const shell_ms = median(shells)
    return [
      {
        name: "turn of the loop",
        unit: "ms",
        samples: turns.map((took_ms) => took_ms - shell_ms),
        target: { of: "median", at_most: 1.5 },
        note: `beyond \`bash -c true\`, whose median is ${shell_ms.toFixed(2)} ms`,
      },
    ]
  },
}

// internal

/**
 * Asks for `true` again and again. A turn lasts from one answer to the next question; in between, where the loop waits,
 * a shell is started that has nothing to do with it, so that both are measured on the same machine at the same time.
 */
function instantModel(cwd: string, runs: number): { model: Model; turns: number[]; shells: number[] } {
  const [turns, shells]: [number[], number[]] = [[], []]
  let answered_ms: number | undefined
  let asked = 0
  const model: Model = {
    name: "instant",
    system: "",
    worstCost_usd: () => 0,
    turn: async () => {
      const now_ms = performance.now()
      if (answered_ms !== undefined && asked > WARM_UP_TURNS) turns.push(now_ms - answered_ms)
      asked += 1
      if (turns.length === runs) return answer("end_turn", { type: "text", text: "" })
      const shell_ms = await bareShell(cwd)
      if (asked > WARM_UP_TURNS) shells.push(shell_ms)
      answered_ms = performance.now()
      const input = { reasoning: "to be timed", command: "true" }
      return answer("tool_use", { type: "tool_use", id: `call-${asked}`, name: "shell", input })
    },
  }
  return { model, turns, shells }
}

async function bareShell(cwd: string): Promise<number> {
  const start_ms = performance.now()
  const code = await Bun.spawn(["bash", "-c", "true"], { cwd, stdio: ["ignore", "ignore", "ignore"] }).exited
  if (code !== 0) throw new Error(`bash ended with ${code}`)
  return performance.now() - start_ms
}

function answer(stop_reason: string, block: Turn["content"][number]): Turn {
  return { content: [block], stop_reason, model: "instant", request_id: null, usage: {}, cost_usd: 0, waited_ms: 0 }
}
