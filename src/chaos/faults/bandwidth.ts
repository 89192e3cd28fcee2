import { z } from "zod"
import { networkFault } from "../network/fault.ts"
import { feel } from "../network/felt.ts"
import { peers } from "../network/peers.ts"
import { planAt, sidesOf } from "../network/places.ts"
import { handleOf, SHAPE, type Shaped } from "../network/shape.ts"
import { requireNodes } from "../targets.ts"

const params = z.strictObject({
  rate_kbit: z.number().min(8).max(100_000).default(256).describe("kilobits a second, for all of the peers together"),
  peers,
})

interface Narrowed extends Shaped {
  rate_kbit: number
}

/** What the target sends to its peers goes through a narrow way, and waits for its turn there; what it does not hold is dropped. */
export const bandwidth = networkFault<z.output<typeof params>, Narrowed>({
  name: "bandwidth",
  about: "Narrows the way from a node to its peers to so many kilobits a second",
  params,
  sparesQuorum: () => true,
  plan: async (lab, targets, { rate_kbit, peers }, { id }) => {
    requireNodes("bandwidth", targets)
    const sides = await sidesOf(lab, "bandwidth", targets, peers)
    const to = sides.peers.map(({ address }) => address)
    const burst_bytes = bytesIn(rate_kbit, BURST_MS)
    const rate = `rate ${rate_kbit}kbit burst ${burst_bytes} cburst ${burst_bytes}`
    const queue = `bfifo limit ${Math.max(MIN_QUEUE_BYTES, bytesIn(rate_kbit, QUEUE_MS))}`
    return planAt(sides, (node) => ({ node, handle: handleOf(id), to, rate, queue, rate_kbit }))
  },
  by: SHAPE,
  feel: (lab, pair, { rate_kbit }) =>
    feel(lab, pair, { size_bytes: echoBytes(rate_kbit), extra_ms: 5 * timeFor(rate_kbit), after_one: true }),
  // Where the node's own traffic fills the way, an echo finds no place to wait.
  isFelt: ({ lost, rtt_ms }, { rate_kbit }) => lost > 0 || (rtt_ms ?? 0) >= timeFor(rate_kbit) / 2,
})

// internal

/** What may pass at once: little, so that a single large message feels it. */
const BURST_MS = 1
/** Of waiting, as routers have it; more than a few packets at the slowest rate. */
const QUEUE_MS = 500
const MIN_QUEUE_BYTES = 16 * 1024

/** An echo of this size takes so long, unless it would be larger than a packet can be. */
const ECHO_MS = 100
const MIN_ECHO_BYTES = 56
const MAX_ECHO_BYTES = 60_000

function bytesIn(rate_kbit: number, time_ms: number): number {
  return Math.ceil((rate_kbit * time_ms) / 8)
}

function echoBytes(rate_kbit: number): number {
  return Math.min(MAX_ECHO_BYTES, Math.max(MIN_ECHO_BYTES, bytesIn(rate_kbit, ECHO_MS)))
}

/** How long one echo takes on its way. */
function timeFor(rate_kbit: number): number {
  return (echoBytes(rate_kbit) * 8) / rate_kbit
}
