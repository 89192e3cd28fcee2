import { expect } from "bun:test"
import { waitUntil } from "../../src/lib/clock.ts"
import { type Monitor, type MonitorOptions, startMonitor } from "../../src/monitor/watch.ts"
import { events, firstBreak } from "../../src/store/events.ts"
import type { Status } from "../../src/store/kinds.ts"
import { listTickets, type Ticket } from "../../src/store/tickets.ts"
import { type WatchedLab, watchedLab } from "./watched-lab.ts"

/** Each node says `ok` in its body. */
export const HEALTH = { name: "health", each: "all", probe: { http: "http://{service}:8080/health" }, holds: "body.ok" }
/** The lab's file `seen` says `{"n": 0}`; while it is empty the probe is blind. */
export const LOOK = { name: "look", probe: { exec: "cat seen" }, holds: "body.n = 0" }

export interface Watched extends WatchedLab {
  monitor: Monitor
  tickets(invariant: string, node?: string): Ticket[]
}

/** A lab with the monitor on it, whose chain is checked in the end. */
export async function watching(block: Record<string, unknown> = {}, options: MonitorOptions = {}): Promise<Watched> {
  const base = await watchedLab({ invariants: [HEALTH], ...block })
  base.file("seen", '{"n": 0}')
  const monitor = await startMonitor(base.store, base.lab, { interval_ms: 50, ...options })
  const tickets = (invariant: string, node?: string) =>
    listTickets(base.store, { lab: base.lab.id }).filter(
      (ticket) => ticket.invariant === invariant && (node === undefined || ticket.node === node),
    )
  const end = async () => {
    await monitor.stop()
    const broken = firstBreak(base.store, base.lab.id)
    await base[Symbol.asyncDispose]()
    expect(broken).toBeUndefined()
  }
  return { ...base, monitor, tickets, [Symbol.asyncDispose]: end }
}

export async function seen(condition: () => boolean): Promise<void> {
  expect(await waitUntil(condition, { timeout_ms: 10_000, every_ms: 5 })).toBe(true)
}

export function holding({ monitor }: Watched): Promise<void> {
  return seen(() => monitor.holdsSince() !== undefined)
}

/** The statuses of an invariant's transitions at a node, in order. */
export function observations({ store, lab }: Watched, invariant: string, node: string): Status[] {
  return events(store, lab.id, { kinds: ["observation"] })
    .filter(({ body }) => body.invariant === invariant && body.node === node)
    .map(({ body }) => body.status)
}
