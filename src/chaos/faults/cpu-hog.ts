import { z } from "zod"
import { incarnation } from "../../lab/platforms/docker/helper.ts"
import { usageOf } from "../../lab/platforms/docker/usage.ts"
import type { Lab } from "../../lab/lab.ts"
import type { Confirmed } from "../fault.ts"
import { hogFault, type HogPlan, max_s, overTime, sameLives } from "../hog.ts"
import { neutralName } from "../neutral-name.ts"
import { requireNodes } from "../targets.ts"

const params = z.strictObject({
  workers: z.number().int().min(1).max(16).default(4).describe("how many processes count, each on one processor"),
  max_s,
})

/** Shells that count among a node's own processes, and take the share of the processors that is the node's. */
export const cpuHog = hogFault<z.output<typeof params>>({
  name: "cpu_hog",
  about: "Starts processes in a node that use all the processor time they get",
  params,
  elsewhere: "nothing keeps a process's share of the processors apart from the machine's without root",
  plan: (_lab, nodes, { workers, max_s }, { id }) => {
    requireNodes("cpu_hog", nodes)
    const mark = neutralName(id)
    return { nodes, mark, leader: mark, script: scriptFor(workers, max_s) }
  },
  confirm,
})

// internal

/** With nothing but what a shell has built in, and by the clock, so that it ends however little it gets to run. */
function scriptFor(workers: number, max_s: number): string {
  return `read now rest </proc/uptime; end=$((\${now%.*} + ${max_s})); n=0
while [ $n -lt ${workers} ]; do n=$((n + 1))
  while read now rest </proc/uptime && [ \${now%.*} -lt $end ]; do i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; done &
done; wait`
}

/** Less than this of one processor may be the node's own work. */
const FELT_CPUS = 0.25

async function confirm(lab: Lab, { nodes }: HogPlan): Promise<Confirmed> {
  const containers = (await sameLives(lab, nodes)).map(incarnation)
  const { before, after, elapsed_ms } = await overTime(() =>
    Promise.all(containers.map(({ container }) => usageOf(container))),
  )
  const cpus = containers.map((_, n) => (after[n]!.cpu_ns - before[n]!.cpu_ns) / 1e6 / elapsed_ms)
  const waits = containers.map((_, n) => after[n]!.throttled_periods - before[n]!.throttled_periods)
  const evidence = containers
    .map(({ node }, n) => `${node} uses ${cpus[n]!.toFixed(1)} processors, and had to wait in ${waits[n]} periods`)
    .join("; ")
  const felt = containers.every((_, n) => cpus[n]! >= FELT_CPUS || waits[n]! > 0)
  if (containers.length === 0) return { confirmation: "ineffective", evidence: "the node is not there any more" }
  return { confirmation: felt ? "confirmed" : "inconclusive", evidence }
}
