import { existsSync } from "node:fs"
import { residents } from "../src/lab/platforms/residents.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { events } from "../src/store/events.ts"
import { getLab, guardianOf, type LabRow, livingLabs } from "../src/store/labs.ts"
import { openStore, type Store } from "../src/store/open.ts"
import type { Home } from "./home.ts"
import type { Benchmark } from "./measure.ts"

const RUNS = 5
const QUICK_RUNS = 2

/** From the death of the owner of a loaded and broken lab to nothing of it: no process, no folder, no guardian. */
export const guardian: Benchmark = {
  name: "guardian",
  run: async (home, { quick }) => {
    const store = openStore(home.db)
    const samples: number[] = []
    while (samples.length < (quick ? QUICK_RUNS : RUNS)) samples.push(await killOwner(home, store))
    store.close()
    return [{ name: "kill of the owner to nothing left", unit: "ms", samples, target: { of: "max", at_most: 2_000 } }]
  },
}

// internal

/** One that is undone by a command, and one that leaves a process which takes no signal but KILL. */
const FAULTS = ["counter_drift", "node_pause"]

const LOOK_EVERY_MS = 2
const LOADED_WITHIN_MS = 20_000
const GONE_WITHIN_MS = 20_000

/** Kills an `operator up` that is still waiting for its lab, and so is its owner. */
async function killOwner(home: Home, store: Store): Promise<number> {
  const owner = home.start("up", "ratelimiter", "--for", "1m")
  const lab = await loadedLab(store)
  for (const fault of FAULTS) await home.run("chaos", "inject", lab.id, fault)
  const watcher = guardianOf(getLab(store, lab.id)!)
  if (!watcher || owner.exitCode !== null) throw new Error(`${lab.id} is no longer what is to be measured`)
  const start_ms = performance.now()
  owner.kill("SIGKILL")
  if (await waitUntil(() => isGone(store, lab), { timeout_ms: GONE_WITHIN_MS, every_ms: LOOK_EVERY_MS }))
    return performance.now() - start_ms
  throw new Error(`${lab.id} was still there ${GONE_WITHIN_MS} ms after its owner was killed`)
}

async function loadedLab(store: Store): Promise<LabRow> {
  const loaded = () => livingLabs(store).find(({ id }) => events(store, id, { kinds: ["workload.started"] }).length > 0)
  await waitUntil(() => loaded() !== undefined, { timeout_ms: LOADED_WITHIN_MS, every_ms: LOOK_EVERY_MS })
  const lab = loaded()
  if (!lab) throw new Error(`no lab was under load within ${LOADED_WITHIN_MS} ms`)
  return lab
}

/** The cheap questions first: the look at every process of the machine is for the end. */
function isGone(store: Store, lab: LabRow): boolean {
  const row = getLab(store, lab.id)!
  if (row.state !== "destroyed" || existsSync(lab.dir)) return false
  return guardianOf(row) === undefined && residents(lab.dir).length === 0
}
