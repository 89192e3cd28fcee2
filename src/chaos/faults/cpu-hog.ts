import { z } from "zod"
import { systemClock } from "../../lib/clock.ts"
import { incarnation } from "../../lab/platforms/docker/helper.ts"
import { usageOf } from "../../lab/platforms/docker/usage.ts"
import type { Lab } from "../../lab/lab.ts"
import type { Confirmed } from "../fault.ts"
import { hogFault, type HogPlan, max_s, sameLives } from "../hog.ts"
import { countMarked } from "../machine.ts"
import { measuredUntil } from "../measured-until.ts"
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
  sparesQuorum: () => true,
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

/** A node's own work takes seconds for this much. */
const FELT_CPU_MS = 250

async function confirm(lab: Lab, { nodes, mark }: HogPlan): Promise<Confirmed> {
  const workers = await Promise.all(nodes.map((node) => countMarked(lab, node, mark)))
  if (!workers.some(Boolean)) return { confirmation: "ineffective", evidence: "nothing of it runs" }
  const containers = (await sameLives(lab, nodes)).map(incarnation)
  const used = async () => Promise.all(containers.map(async ({ container }) => (await usageOf(container)).cpu_ns / 1e6))
  const start_ms = systemClock.mono_ms()
  const before = await used()
  const since = async () => (await used()).map((now, n) => now - before[n]!)
  const cpu_ms = await measuredUntil(since, (all) => all.every((ms) => ms >= FELT_CPU_MS))
  const elapsed_ms = Math.round(systemClock.mono_ms() - start_ms)
  const told = containers.map(({ node }, n) => `${node} has used ${Math.round(cpu_ms[n]!)} ms of processors`)
  const felt = cpu_ms.every((ms) => ms >= FELT_CPU_MS)
  return {
    confirmation: felt ? "confirmed" : "inconclusive",
    evidence: `${workers.reduce<number>((sum, n) => sum + (n ?? 0), 0)} processes run; in ${elapsed_ms} ms ${told.join(", ")}`,
  }
}
