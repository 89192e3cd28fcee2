import type { Lab } from "../src/lab/lab.ts"
import { openLab } from "../src/lab/open.ts"
import { NODE_POLL_MS } from "../src/lab/platforms/process.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { holdsSince } from "../src/monitor/holds.ts"
import { getLab } from "../src/store/labs.ts"
import { openStoreReadOnly, type Store } from "../src/store/open.ts"
import { openTickets } from "../src/store/tickets.ts"
import type { Home } from "./home.ts"
import type { Benchmark } from "./measure.ts"

const KILLS = 20
const QUICK_KILLS = 5

/** From the kill of a node to its ticket in the store, where another process reads it, while a monitor watches a loaded lab. */
export const ticket: Benchmark = {
  name: "ticket",
  run: async (home, { quick }) => {
    const up = JSON.parse(await home.run("up", "ratelimiter", "--for", "5m", "--json")) as { lab: string }
    const monitor = home.start("monitor", up.lab)
    try {
      const samples = await killNodes(home, up.lab, quick ? QUICK_KILLS : KILLS)
      return [{ name: "kill to ticket", unit: "ms", samples, target: { of: "median", at_most: 250 } }]
    } finally {
      monitor.kill("SIGINT")
      await monitor.exited
      await home.run("down", up.lab)
    }
  },
}

// internal

const LOOK_EVERY_MS = 1
const TICKET_WITHIN_MS = 10_000
const WELL_WITHIN_MS = 20_000

async function killNodes(home: Home, id: string, kills: number): Promise<number[]> {
  const store = openStoreReadOnly(home.db)
  const lab = await openLab(store, getLab(store, id)!)
  const samples: number[] = []
  while (samples.length < kills) {
    await well(store, lab)
    const nodes = await lab.nodes()
    samples.push(await killToTicket(store, lab, nodes[samples.length % nodes.length]!.name))
  }
  store.close()
  return samples
}

/** Kills one node and starts it again once the ticket is there. */
async function killToTicket(store: Store, lab: Lab, name: string): Promise<number> {
  // Whoever waited for the monitor is in step with it; a fault comes at any moment.
  await Bun.sleep(Math.random() * NODE_POLL_MS)
  const node = (await lab.nodes()).find((one) => one.name === name)!
  const start_ms = performance.now()
  await lab.signal(node, "kill")
  const there = () => openTickets(store, lab.id).some((open) => open.node === name)
  if (!(await waitUntil(there, { timeout_ms: TICKET_WITHIN_MS, every_ms: LOOK_EVERY_MS })))
    throw new Error(`${name} was killed, and no ticket was opened within ${TICKET_WITHIN_MS} ms`)
  const took_ms = performance.now() - start_ms
  await lab.start(name)
  return took_ms
}

/** Waits until every gate holds and every ticket is settled. */
async function well(store: Store, lab: Lab): Promise<void> {
  const holds = () => holdsSince(store, lab.id) !== undefined && openTickets(store, lab.id).length === 0
  if (await waitUntil(holds, { timeout_ms: WELL_WITHIN_MS, every_ms: LOOK_EVERY_MS })) return
  throw new Error(`the gates of ${lab.id} did not hold within ${WELL_WITHIN_MS} ms`)
}
