import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { sweep } from "../src/chaos/sweep.ts"
import { identify } from "../src/lib/process.ts"
import { dockerEngine } from "../src/lab/platforms/docker/engine.ts"
import { labsOfEngine } from "../src/lab/platforms/docker/labelled.ts"
import { placeOf } from "../src/lab/platforms/docker/membership.ts"
import { labsFolder } from "../src/lab/raise.ts"
import { livingLabs } from "../src/store/labs.ts"
import { openStore, type Store } from "../src/store/open.ts"
import type { Home } from "./home.ts"
import type { Benchmark } from "./measure.ts"

const LABS = 20
const RUNS = 2
/** Labs that are brought up at once. */
const AT_ONCE = 4

const SUBJECT = `name: tiny
services: { a: { image: "debian:trixie-slim", init: true, command: [sleep, "600"] } }
x-operator: { ready: { stable: 100ms } }
`

/** Twenty labs of one container each, whose owners and guardians are dead: from the start of a sweep to nothing of them. */
export const dockerSweep: Benchmark = {
  name: "docker-sweep",
  needs: "docker",
  run: async (home, { quick }) => {
    const folder = join(home.dir, "sweep")
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, "tiny.yaml"), SUBJECT)
    const samples: number[] = []
    while (samples.length < (quick ? 1 : RUNS)) samples.push(await once(home, join(folder, "tiny.yaml")))
    return [{ name: `sweep of ${LABS} labs`, unit: "ms", samples, target: { of: "max", at_most: 3_000 } }]
  },
}

// internal

async function once(home: Home, subject: string): Promise<number> {
  for (let up = 0; up < LABS; up += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => home.run("up", subject, "--for", "10m")))
  }
  const store = openStore(home.db)
  try {
    await orphan(store)
    const start_ms = performance.now()
    const { healed, failures } = await sweep(store)
    const took_ms = performance.now() - start_ms
    if (healed.length !== LABS) throw new Error(`${healed.length} of ${LABS} labs were swept: ${failures.join("; ")}`)
    const place = placeOf(labsFolder(store))
    const left = (await labsOfEngine(dockerEngine(), { timeout_ms: 20_000 })).filter((one) => one.place === place)
    if (left.length > 0) throw new Error(`left of a sweep: ${left.map(({ lab }) => lab).join(", ")}`)
    return took_ms
  } finally {
    store.close()
  }
}

/** Kills all guardians, which are the owners as well. */
async function orphan(store: Store): Promise<void> {
  const pids = livingLabs(store).flatMap(({ guardian_pid }) => guardian_pid ?? [])
  for (const pid of pids) process.kill(pid, "SIGKILL")
  while (pids.some((pid) => identify(pid))) await Bun.sleep(5)
}
