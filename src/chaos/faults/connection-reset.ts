import { z } from "zod"
import { ruleFault } from "../network/fault.ts"
import { feelConnections } from "../network/felt.ts"
import { peers } from "../network/peers.ts"
import { planAt, sidesOf } from "../network/places.ts"
import { chainOf } from "../network/rules.ts"
import { requireNodes } from "../targets.ts"

const params = z.strictObject({ peers })

/** A reset would be answered by none, and dropped for that: it must pass. */
const RESETS_PASS = "-p tcp --tcp-flags RST RST -j RETURN"

/** Each TCP segment between the target and its peers is answered by a reset, that of an open connection as that of a new one. */
export const connectionReset = ruleFault<z.output<typeof params>>({
  name: "connection_reset",
  about: "Resets the TCP connections between a node and its peers, those that are open as those that are tried",
  params,
  plan: async (lab, targets, { peers }, { id }) => {
    requireNodes("connection_reset", targets)
    const sides = await sidesOf(lab, "connection_reset", targets, peers)
    const reset = (side: "-s" | "-d") =>
      sides.peers.map(({ address }) => `${side} ${address} -p tcp -j REJECT --reject-with tcp-reset`)
    const rules = { in: [RESETS_PASS, ...reset("-s")], out: [RESETS_PASS, ...reset("-d")] }
    return planAt(sides, (node) => ({ node, chain: chainOf(id), rules }))
  },
  feel: feelConnections,
  isFelt: ({ lost, sent }) => lost === sent,
})
