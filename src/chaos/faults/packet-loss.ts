import { z } from "zod"
import { ruleFault } from "../network/fault.ts"
import { feel } from "../network/felt.ts"
import { peers } from "../network/peers.ts"
import { planAt, sidesOf } from "../network/places.ts"
import { chainOf } from "../network/rules.ts"
import { requireNodes } from "../targets.ts"

const params = z.strictObject({
  percent: z.number().min(0.01).max(100).default(20).describe("of the packets, each way"),
  peers,
})

/** With every other packet lost, each way, connections still get somewhere. */
const MOST_PERCENT_THAT_SPARES = 50

/** Of the packets between the target and its peers, each is dropped with the same chance, on its way out as on its way in. */
export const packetLoss = ruleFault<z.output<typeof params>>({
  name: "packet_loss",
  about: "Loses a share of the packets between a node and its peers, each way",
  params,
  sparesQuorum: ({ percent }) => percent <= MOST_PERCENT_THAT_SPARES,
  plan: async (lab, targets, { percent, peers }, { id }) => {
    requireNodes("packet_loss", targets)
    const chance = `-m statistic --mode random --probability ${(percent / 100).toFixed(4)} -j DROP`
    const sides = await sidesOf(lab, "packet_loss", targets, peers)
    const rules = {
      in: sides.peers.map(({ address }) => `-s ${address} ${chance}`),
      out: sides.peers.map(({ address }) => `-d ${address} ${chance}`),
    }
    return planAt(sides, (node) => ({ node, chain: chainOf(id), rules }))
  },
  // Of thirty that may be lost on both ways, all arrive once in a thousand times at 11 %.
  feel: (lab, pair) => feel(lab, pair, { requests: 30 }),
  isFelt: ({ lost }) => lost > 0,
})
