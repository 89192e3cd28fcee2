import { z } from "zod"
import { peersOf, placesOf, planAt, ruleFault } from "../network/fault.ts"
import { peers } from "../network/peers.ts"
import { requireNodes } from "../targets.ts"

const params = z.strictObject({
  percent: z.number().gt(0).lte(100).default(20).describe("of the packets, each way"),
  peers,
})

/** Of the packets between the target and its peers, each is dropped with the same chance, on its way out as on its way in. */
export const packetLoss = ruleFault<z.output<typeof params>>({
  name: "packet_loss",
  about: "Loses a share of the packets between a node and its peers, each way",
  params,
  spares_quorum: true,
  plan: async (lab, targets, { percent, peers }, { id }) => {
    requireNodes("packet_loss", targets)
    const chance = `-m statistic --mode random --probability ${(percent / 100).toFixed(4)} -j DROP`
    const others = await placesOf(lab, peersOf(lab, "packet_loss", targets, peers))
    const rules = {
      in: others.map(({ address }) => `-s ${address} ${chance}`),
      out: others.map(({ address }) => `-d ${address} ${chance}`),
    }
    const places = await placesOf(
      lab,
      targets.map(({ service }) => service),
    )
    return planAt(places, others, rules, id)
  },
  // Of thirty that may be lost on both ways, all arrive once in a thousand times at 11 %.
  requests: 30,
  isFelt: ({ lost }) => lost > 0,
})
