import { inject } from "../src/chaos/inject.ts"
import { revert } from "../src/chaos/revert.ts"
import { waitUntil } from "../src/lib/clock.ts"
import type { Lab } from "../src/lab/lab.ts"
import { getInjection } from "../src/store/injections.ts"
import type { Store } from "../src/store/open.ts"
import type { Benchmark, Measured } from "./measure.ts"
import { withLab } from "./with-lab.ts"

const RUNS = 7
const QUICK_RUNS = 3

/** What they may take, from the call to the recorded confirmation. */
const CONFIRMED_WITHIN_MS = { network_partition: 1_500, node_kill: 300, node_pause: 300 }
const REVERTED_WITHIN_MS = 300

/** Faults of a real cluster: from the call to their confirmation, and from the call of their revert to when they were seen gone. */
export const dockerFaults: Benchmark = {
  name: "docker-faults",
  needs: "docker",
  run: (home, { quick }) =>
    withLab(home, "etcd", async (at) => {
      const measured: Measured[] = []
      for (const [fault, at_most] of Object.entries(CONFIRMED_WITHIN_MS)) {
        const [confirmed, reverted]: [number[], number[]] = [[], []]
        // Unmeasured: the first of a kind provides what the others find there.
        await once(at, fault)
        while (confirmed.length < (quick ? QUICK_RUNS : RUNS)) {
          const took = await once(at, fault)
          confirmed.push(took.confirmed_ms)
          reverted.push(took.reverted_ms)
        }
        measured.push(
          { name: `${fault}: inject to confirmed`, unit: "ms", samples: confirmed, target: { of: "median", at_most } },
          {
            ...{ name: `${fault}: revert`, unit: "ms", samples: reverted },
            target: { of: "median", at_most: REVERTED_WITHIN_MS },
          },
        )
      }
      return measured
    }),
}

// internal

const WELL_WITHIN = { timeout_ms: 20_000, every_ms: 20 }

async function once({ store, lab }: { store: Store; lab: Lab }, fault: string) {
  const start_ms = performance.now()
  const injection = await inject(store, lab, { fault, target: "one", params: {}, seed: 1 })
  const confirmed_ms = performance.now() - start_ms
  if (injection.confirmation !== "confirmed") throw new Error(`${fault} was ${injection.confirmation}`)
  const revert_ms = store.clock.mono_ms()
  const phase = await revert(store, lab, injection)
  // By the record: what it tidies up after the fault was seen gone is no part of it.
  const reverted_ms = (getInjection(store, injection.id)?.ended_ms ?? Infinity) - revert_ms
  if (phase !== "reverted") throw new Error(`${fault} was ${phase} after its revert`)
  const runs = async () => (await lab.nodes()).every(({ state }) => state === "running")
  if (!(await waitUntil(runs, WELL_WITHIN))) throw new Error(`${lab.id} did not come back after ${fault}`)
  return { confirmed_ms, reverted_ms }
}
