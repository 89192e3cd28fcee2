import { z } from "zod"
import { UsageError } from "../../lib/errors.ts"
import { incarnation, type Incarnation } from "../../lab/platforms/docker/helper.ts"
import { limitsOf, usageOf } from "../../lab/platforms/docker/usage.ts"
import type { Lab } from "../../lab/lab.ts"
import { containersAt } from "../containers.ts"
import type { Confirmed } from "../fault.ts"
import { hogFault, type HogPlan, max_s, sameLives } from "../hog.ts"
import { measuredUntil } from "../measured-until.ts"
import { neutralName } from "../neutral-name.ts"

/** Of the machine's own memory, whatever the node may use. */
const MAX_MB = 2_000

const params = z.strictObject({
  percent: z.number().min(1).max(100).optional().describe("of the node's memory limit, how much is in use with it"),
  mb: z.number().int().min(1).max(MAX_MB).optional().describe("how many MiB it takes, whatever the limit"),
  max_s,
})

type Params = z.output<typeof params>
interface MemoryPlan extends HogPlan {
  bytes: number
}

/**
 * A process that holds memory among a node's own. Where that is more than the node may have, the kernel ends this one and no other: the
 * fault is gone then, and the node lives.
 */
export const memoryHog = hogFault<Params, MemoryPlan>({
  name: "memory_hog",
  about: "Starts a process in a node that holds memory",
  params,
  elsewhere: "nothing keeps a process's memory apart from the machine's without root",
  plan: async (lab, nodes, params, { id }) => {
    const containers = await containersAt(lab, "memory_hog", nodes)
    const sizes = await Promise.all(containers.map((node) => sizeFor(node, params)))
    // A number of its own, since the process has no other word that could be one.
    const bytes =
      Math.floor(Math.min(...sizes) / PAGE_BYTES) * PAGE_BYTES + (parseInt(neutralName(id), 16) % PAGE_BYTES)
    return { nodes, mark: `bs=${bytes}`, leader: neutralName(id), script: scriptFor(bytes, params.max_s), bytes }
  },
  confirm,
})

// internal

const MIB = 1024 * 1024
const PAGE_BYTES = 4096

/** It has filled its buffer once, and waits for somebody to take that, which nobody does. */
function scriptFor(bytes: number, max_s: number): string {
  return `echo 1000 >/proc/self/oom_score_adj; dd if=/dev/zero bs=${bytes} count=1 | sleep ${max_s}; :`
}

async function sizeFor(node: Incarnation, { percent, mb }: Params): Promise<number> {
  const { memory_bytes: limit_bytes } = await limitsOf(node.container)
  if (mb !== undefined && percent !== undefined) throw new UsageError("memory_hog takes `mb` or `percent`, not both")
  if (mb !== undefined) return mb * MIB
  if (limit_bytes === 0) {
    throw new UsageError(`${node.node} has no memory limit, so there is nothing to take a share of`, {
      hint: "say how much with --param mb=200, or give its service a mem_limit",
    })
  }
  const { memory_bytes } = await usageOf(node.container)
  const wanted = (limit_bytes * (percent ?? DEFAULT_PERCENT)) / 100 - memory_bytes
  if (wanted < MIB) throw new UsageError(`${node.node} has that much of its memory in use already`)
  return Math.min(wanted, MAX_MB * MIB)
}

const DEFAULT_PERCENT = 90

async function confirm(lab: Lab, { nodes, bytes }: MemoryPlan): Promise<Confirmed> {
  const containers = (await sameLives(lab, nodes)).map(incarnation)
  const isFelt = (now: { memory_bytes: number }[]) => now.every(({ memory_bytes }) => memory_bytes >= bytes)
  const measure = () => Promise.all(containers.map(({ container }) => usageOf(container)))
  const after = await measuredUntil(measure, isFelt)
  const limits = await Promise.all(containers.map(({ container }) => limitsOf(container)))
  const evidence = containers
    .map(({ node }, n) => {
      const limit = limits[n]!.memory_bytes > 0 ? ` of ${mib(limits[n]!.memory_bytes)}` : ""
      return `${node} has ${mib(after[n]!.memory_bytes)}${limit} in use, ${mib(bytes)} by it`
    })
    .join("; ")
  const felt = containers.length > 0 && isFelt(after)
  return { confirmation: felt ? "confirmed" : "ineffective", evidence }
}

const mib = (bytes: number) => `${Math.round(bytes / MIB)} MiB`
