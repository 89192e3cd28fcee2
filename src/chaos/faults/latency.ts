import { z } from "zod"
import { UsageError } from "../../lib/errors.ts"
import { DELAY, type Delayed } from "../network/delay.ts"
import { networkFault } from "../network/fault.ts"
import { feel } from "../network/felt.ts"
import { peers } from "../network/peers.ts"
import { planAt, sidesOf } from "../network/places.ts"
import { chainOf } from "../network/rules.ts"
import { handleOf } from "../network/shape.ts"
import { requireNodes } from "../targets.ts"

const MAX_MS = 10_000
/** Heartbeats of a second still come in time. */
const MOST_MS_THAT_SPARES = 500
const time = z.number().min(0).max(MAX_MS)

const params = z
  .strictObject({
    delay_ms: time.optional().describe("by which a packet is late; 200 unless said otherwise"),
    jitter_ms: time.optional().describe("by which that varies, up and down; 0 unless said otherwise"),
    min_ms: time.optional().describe("with max_ms, in place of delay_ms and jitter_ms: the least"),
    max_ms: time.optional().describe("with min_ms: the most"),
    peers,
  })
  .superRefine((given, context) => {
    const range = rangeOf(given)
    if (typeof range === "string") context.addIssue({ code: "custom", message: range })
  })

/** Each packet from the target to its peers is late once, so that a round trip takes that much longer, whoever begins it. */
export const latency = networkFault<z.output<typeof params>, Delayed>({
  name: "latency",
  about: "Makes packets from a node to its peers late: every round trip between them takes that much longer",
  params,
  sparesQuorum: (given) => {
    const range = rangeOf(given)
    return typeof range !== "string" && range.high_ms <= MOST_MS_THAT_SPARES
  },
  plan: async (lab, targets, { peers, ...given }, { id }) => {
    requireNodes("latency", targets)
    const range = rangeOf(given)
    if (typeof range === "string") throw new UsageError(`latency: ${range}`)
    const sides = await sidesOf(lab, "latency", targets, peers)
    const to = sides.peers.map(({ address }) => address)
    return planAt(sides, (node) => ({ node, chain: chainOf(id), handle: handleOf(id), to, ...range }))
  },
  by: DELAY,
  feel: (lab, pair, { high_ms }) => feel(lab, pair, { extra_ms: high_ms }),
  // Half of what is to be expected on average tells it from a machine that is busy; all of it would doubt the clock.
  isFelt: ({ rtt_ms }, { low_ms, high_ms }) =>
    rtt_ms !== null && rtt_ms >= Math.max(0.9 * low_ms, (low_ms + high_ms) / 4),
})

// internal

const DELAY_MS = 200

type Times = { [name in "delay_ms" | "jitter_ms" | "min_ms" | "max_ms"]?: number | undefined }

/** The range from which delays are drawn, or why there is none. One that is asked for goes before a middle that the subject declares. */
function rangeOf({ min_ms, max_ms, delay_ms, jitter_ms }: Times): { low_ms: number; high_ms: number } | string {
  if (min_ms === undefined && max_ms === undefined) {
    const [middle_ms, around_ms] = [delay_ms ?? DELAY_MS, jitter_ms ?? 0]
    if (around_ms > middle_ms) return "jitter_ms is larger than delay_ms"
    return middle_ms > 0 ? { low_ms: middle_ms - around_ms, high_ms: middle_ms + around_ms } : "delay_ms is 0"
  }
  if (min_ms === undefined || max_ms === undefined) return "min_ms and max_ms go together"
  if (min_ms > max_ms) return "min_ms is larger than max_ms"
  return max_ms > 0 ? { low_ms: min_ms, high_ms: max_ms } : "max_ms is 0"
}
