import { z } from "zod"
import { UsageError } from "../../lib/errors.ts"
import { containersOf, type Incarnation } from "../../lab/platforms/docker/helper.ts"
import { limitCpu, limitsOf, usageOf } from "../../lab/platforms/docker/usage.ts"
import type { Confirmed, Fault } from "../fault.ts"
import { containersAt } from "../containers.ts"
import { measuredUntil } from "../measured-until.ts"

const params = z.strictObject({
  percent: z.number().min(1).max(100).default(2).describe("how much of one processor is left to the node"),
})

type Limit = { quota_us: number } | { nano_cpus: number }

/** A node's share of the processors, as it was and as the fault makes it. */
interface Throttled {
  node: Incarnation
  was: Limit
  is: Limit
}

/** With less of a processor than this, it answers too late to count. */
const LEAST_PERCENT_THAT_SPARES = 20

/** The engine's own limit, which outlives restarts. Who had none has none again, though the engine then calls it -1. */
export const cpuThrottle: Fault<z.output<typeof params>, { throttled: Throttled[] }> = {
  name: "cpu_throttle",
  about: "Leaves a node a small share of one processor",
  params,
  of_nodes: true,
  sparesQuorum: ({ percent }) => percent >= LEAST_PERCENT_THAT_SPARES,
  platforms: ["docker"],
  elsewhere: "a process has no share of the processors that could be made smaller without root",
  heals_itself: false,
  plan: async (lab, targets, { percent }) => {
    const found = await containersAt(lab, "cpu_throttle", targets)
    return { throttled: await Promise.all(found.map((node) => throttle(node, percent))) }
  },
  inject: async (_lab, { throttled }) => {
    await Promise.all(throttled.map(({ node, is }) => limitCpu(node.container, is)))
  },
  probe: async (lab, { throttled }) => {
    const living = await livingOf(lab.id, throttled)
    const seen = await Promise.all(living.map(async ({ node, is }) => isLimit(await limitsOf(node.container), is)))
    if (seen.includes(true)) return "active"
    return living.length === 0 ? "void" : "gone"
  },
  confirm: async (_lab, { throttled }): Promise<Confirmed> => {
    const used = () => Promise.all(throttled.map(({ node }) => usageOf(node.container)))
    const before = await used()
    const since = async () => (await used()).map((now, n) => now.throttled_periods - before[n]!.throttled_periods)
    const isFelt = (periods: number[]) => periods.every((count) => count > 0)
    const waited = await measuredUntil(since, isFelt)
    const told = throttled.map(({ node }, n) => `${node.node} had to wait in ${waited[n]} periods`)
    return { confirmation: isFelt(waited) ? "confirmed" : "inconclusive", evidence: told.join(", ") }
  },
  revert: async (lab, { throttled }) => {
    const living = await livingOf(lab.id, throttled)
    await Promise.all(
      living.map(async ({ node, was, is }) => {
        // What somebody else has given it since is left to it.
        if (isLimit(await limitsOf(node.container), is)) await limitCpu(node.container, was)
      }),
    )
  },
}

// internal

const PERIOD_US = 100_000
/** The kernel takes no smaller quota. */
const MIN_QUOTA_US = 1_000
const NO_QUOTA = -1
const NANO = 1e9

async function throttle(node: Incarnation, percent: number): Promise<Throttled> {
  const { quota_us, period_us, nano_cpus } = await limitsOf(node.container)
  if (nano_cpus > 0) {
    const is = Math.round((percent / 100) * NANO)
    requireLess(node, is, nano_cpus)
    return { node, was: { nano_cpus }, is: { nano_cpus: is } }
  }
  const is = Math.max(MIN_QUOTA_US, Math.round((percent / 100) * (period_us || PERIOD_US)))
  if (quota_us <= 0) return { node, was: { quota_us: NO_QUOTA }, is: { quota_us: is } }
  requireLess(node, is, quota_us)
  return { node, was: { quota_us }, is: { quota_us: is } }
}

function requireLess({ node }: Incarnation, is: number, was: number): void {
  if (is < was) return
  throw new UsageError(`${node} has no more than that already`, { hint: "a smaller `percent` leaves it less" })
}

function isLimit(now: { quota_us: number; nano_cpus: number }, limit: Limit): boolean {
  return "quota_us" in limit ? now.quota_us === limit.quota_us : now.nano_cpus === limit.nano_cpus
}

/** Those whose container was not replaced. A restart changes nothing about them. */
async function livingOf(lab: string, throttled: readonly Throttled[]): Promise<Throttled[]> {
  const now = await containersOf(lab)
  return throttled.filter(({ node }) => now.some(({ id }) => id === node.container))
}
