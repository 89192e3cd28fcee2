import { z } from "zod"
import type { Lab, Node } from "../../lab/lab.ts"
import type { Container } from "../../lab/platforms/docker/containers.ts"
import { containersOf } from "../../lab/platforms/docker/helper.ts"
import { type Client, clientTraffic, removeClient, startClient } from "../../lab/platforms/docker/client.ts"
import { UsageError } from "../../lib/errors.ts"
import { systemClock } from "../../lib/clock.ts"
import type { Fault } from "../fault.ts"
import { neutralName } from "../neutral-name.ts"
import { requireNodes } from "../targets.ts"

const params = z.strictObject({
  port: z.number().int().min(1).max(65_535).describe("where the target takes requests"),
  path: z.string().startsWith("/").default("/").describe("what is asked for"),
  body: z.string().optional().describe("sent by POST; without one it is GET"),
  connections: z.number().int().min(1).max(300).default(50).describe("requests at a time"),
  cpus: z.number().min(0.05).max(4).default(0.5).describe("what the client may use of the machine"),
  at_most_s: z.number().int().min(1).max(3_600).default(600).describe("then the client ends by itself"),
})

/** A client that everybody in the lab can see asks one node for as much as it can. To stop or remove it is the repair. */
export const burstTraffic: Fault<z.output<typeof params>, { clients: Client[] }> = {
  name: "burst_traffic",
  about: "Floods a node with HTTP requests from a client in the lab",
  params,
  of_nodes: true,
  sparesQuorum: () => true,
  platforms: ["docker"],
  heals_itself: false,
  plan: async (lab, targets, options, { id }) => {
    requireNodes("burst_traffic", targets)
    const found = await containersOf(lab.id)
    return {
      clients: targets.map((node, index) => clientFor(lab, node, found, `${neutralName(id)}${index || ""}`, options)),
    }
  },
  inject: async (lab, { clients }) => {
    await Promise.all(clients.map((client) => startClient(lab.id, client)))
  },
  probe: async (_lab, { clients }) => {
    const seen = await Promise.all(clients.map(clientTraffic))
    return seen.some((one) => one !== undefined) ? "active" : "gone"
  },
  confirm: async (_lab, { clients }) => {
    const before = await Promise.all(clients.map(clientTraffic))
    const since_ms = systemClock.mono_ms()
    await Bun.sleep(LOOK_MS)
    const after = await Promise.all(clients.map(clientTraffic))
    const packets = after.reduce<number>((sum, one, index) => sum + (one ?? 0) - (before[index] ?? 0), 0)
    const rate = Math.round((1_000 * packets) / (systemClock.mono_ms() - since_ms))
    return {
      confirmation: packets > 0 ? "confirmed" : "ineffective",
      evidence: `${rate} packets a second from its client`,
    }
  },
  revert: async (_lab, { clients }) => {
    await Promise.all(clients.map(removeClient))
  },
}

// internal

const LOOK_MS = 500

function clientFor(
  lab: Lab,
  node: Node,
  found: readonly Container[],
  suffix: string,
  { port, path, body, connections, cpus, at_most_s }: z.output<typeof params>,
): Client {
  const container = found.find(({ name }) => name === node.name)
  if (!container?.address) throw new UsageError(`${node.name} has no address to send requests to`)
  // The client numbers its requests, and so has no end of different addresses to ask.
  const url = `http://${node.service}:${port}${path}${path.includes("?") ? "&" : "?"}n=[1-1000000000]`
  const curl = ["curl", "-s", "-Z", "--parallel-max", String(connections), "-m", "5", "-o", "/dev/null"]
  return {
    name: `${lab.id}-client-${suffix}`,
    beside: container.id,
    command: ["timeout", String(at_most_s), ...curl, ...(body === undefined ? [] : ["-d", body]), url],
    cpus,
  }
}
