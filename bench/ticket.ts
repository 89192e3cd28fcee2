import type { Lab } from "../src/lab/lab.ts"
import { NODE_POLL_MS } from "../src/lab/platforms/process.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { holdsSince } from "../src/monitor/holds.ts"
import type { Store } from "../src/store/open.ts"
import { openTickets } from "../src/store/tickets.ts"
import { type Benchmark, median } from "./measure.ts"
import { withLab } from "./with-lab.ts"

/** From the kill of a node to its ticket in the store, where another process reads it, while a monitor watches a loaded lab. */
export const ticket: Benchmark = toTicket({
  ...{ name: "ticket", subject: "ratelimiter", at_most_ms: 250 },
  ...{ kills: 20, quick_kills: 5 },
})

/** The same for a member of a real cluster. The engine's answer to the kill is waited for, as whoever kills would. */
export const dockerTicket: Benchmark = {
  needs: "docker",
  ...toTicket({
    ...{ name: "docker-ticket", subject: "etcd", at_most_ms: 300 },
    ...{ kills: 12, quick_kills: 4 },
  }),
}

// internal

const LOOK_EVERY_MS = 1
const TICKET_WITHIN_MS = 10_000
const WELL_WITHIN_MS = 30_000

interface Kills {
  name: string
  subject: string
  at_most_ms: number
  kills: number
  quick_kills: number
}

function toTicket({ name, subject, at_most_ms, kills, quick_kills }: Kills): Benchmark {
  return {
    name,
    run: (home, { quick }) =>
      withLab(home, subject, async ({ store, lab }) => {
        const { groups, faults } = lab.subject
        const services = groups[faults.node_kill?.group ?? ""] ?? []
        const monitor = home.start("monitor", lab.id)
        try {
          const [samples, signals]: [number[], number[]] = [[], []]
          while (samples.length < (quick ? quick_kills : kills)) {
            await well(store, lab)
            const { ticket_ms, signal_ms } = await killToTicket(store, lab, services[samples.length % services.length]!)
            samples.push(ticket_ms)
            signals.push(signal_ms)
          }
          const target = { of: "median", at_most: at_most_ms } as const
          const note = `of ${subject}; the kill itself returned after ${median(signals).toFixed(1)} ms`
          return [{ name: "kill to ticket", unit: "ms", samples, target, note }]
        } finally {
          monitor.kill("SIGINT")
          await monitor.exited
        }
      }),
  }
}

/** Kills the node of a service and starts it again once the ticket is there. */
async function killToTicket(store: Store, lab: Lab, service: string) {
  // Whoever waited for the monitor is in step with it; a fault comes at any moment.
  await Bun.sleep(Math.random() * NODE_POLL_MS)
  const node = (await lab.nodes()).find((one) => one.service === service)!
  const start_ms = performance.now()
  let signal_ms = Number.NaN
  const signalled = lab.signal(node, "kill").then(() => (signal_ms = performance.now() - start_ms))
  const there = () => openTickets(store, lab.id).some((open) => open.node === node.name)
  if (!(await waitUntil(there, { timeout_ms: TICKET_WITHIN_MS, every_ms: LOOK_EVERY_MS })))
    throw new Error(`${node.name} was killed, and no ticket was opened within ${TICKET_WITHIN_MS} ms`)
  const ticket_ms = performance.now() - start_ms
  await signalled
  await lab.start(node.name)
  return { ticket_ms, signal_ms }
}

/** Waits until every gate holds and every ticket is settled. */
async function well(store: Store, lab: Lab): Promise<void> {
  const holds = () => holdsSince(store, lab.id) !== undefined && openTickets(store, lab.id).length === 0
  if (await waitUntil(holds, { timeout_ms: WELL_WITHIN_MS, every_ms: LOOK_EVERY_MS })) return
  throw new Error(`the gates of ${lab.id} did not hold within ${WELL_WITHIN_MS} ms`)
}
