import { fields, flag, integer, listOf, mapOf, type Rule, shown, text } from "./fields.ts"

/** `--network`: one of the lab's networks, none, or the network of one of the lab's containers. */
export const NETWORK_MODE: Rule = async (value, at, rebuilding) => {
  if (value === "none") return value
  if (typeof value === "string" && value.startsWith("container:")) return JOINED(value, at, rebuilding)
  const { about, refuse } = rebuilding
  if (typeof value !== "string" || SHARED.has(value)) {
    const own = (await about.own.networks()).map((network) => network["Name"]).join(", ")
    return refuse(`say --network with one of the lab's networks (${own}), container:NAME or none`)
  }
  return (await about.own.network(value))?.name ?? refuse(`network ${value.slice(0, 100)} not found`, 400)
}

/** `container:NAME` with one of the lab's own, by its full id: the name could mean another one a moment later. */
export const JOINED: Rule = async (value, at, { about, refuse }) => {
  const ref = typeof value === "string" ? /^container:(.+)$/.exec(value)?.[1] : undefined
  if (ref === undefined) return refuse(`${at} must be container: and one of the lab's containers`)
  const found = await about.container(ref)
  if (found?.way_out !== undefined) return refuse(`${at} must not be of ${found.name}, which ${found.way_out}`)
  return found ? `container:${found.id}` : refuse(`No such container: ${ref.slice(0, 100)}`, 400)
}

const ADDRESS = /^[0-9a-fA-F.:]*$/

/** How a container takes part in one network. */
export const ENDPOINT = fields({
  Aliases: listOf(text(/^[a-zA-Z0-9_.-]{1,200}$/)),
  MacAddress: text(/^[0-9a-fA-F:]{0,17}$/),
  IPAMConfig: fields({ IPv4Address: text(ADDRESS), IPv6Address: text(ADDRESS) }),
  GwPriority: integer(-1000, 1000),
})

/** The networks of a new container, each by the name under which the lab owns it. */
export const NETWORKING = fields({
  EndpointsConfig: async (value, at, rebuilding) => {
    const given =
      (await mapOf(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/, (endpoint) => endpoint)(value, at, rebuilding)) ?? {}
    const made: [string, unknown][] = []
    for (const [ref, endpoint] of Object.entries(given)) {
      const network = await rebuilding.about.own.network(ref)
      if (!network) return rebuilding.refuse(`network ${ref} not found`, 400)
      made.push([network.name, endpoint === null ? {} : await ENDPOINT(endpoint, `${at}.${ref}`, rebuilding)])
    }
    return Object.fromEntries(made)
  },
})

/** `network connect` and `disconnect`: of one of the lab's containers. */
export const CONNECTED = fields({ Container: ownContainer, EndpointConfig: ENDPOINT })
export const DISCONNECTED = fields({ Container: ownContainer, Force: flag })

/** A new bridge, without a driver's options, and with subnets that the lab declares: others could stand in the way of the host's routes. */
export const NETWORK = fields({
  Name: (value, at, rebuilding) => rebuilding.about.name(value, at, rebuilding),
  CheckDuplicate: flag,
  Driver: text(/^(bridge)?$/),
  Scope: text(/^(local)?$/),
  Internal: flag,
  Attachable: flag,
  EnableIPv4: flag,
  IPAM: fields({ Driver: text(/^(default)?$/), Config: listOf(fields({ Subnet: subnet })) }),
  Labels: (value, at, rebuilding) => rebuilding.about.labels(value, at, rebuilding),
})

// internal

/** Networks that all share, and how clients say "the usual one". */
const SHARED = new Set(["", "default", "bridge", "host", "nat"])

async function ownContainer(value: unknown, at: string, { about, refuse }: Parameters<Rule>[2]) {
  const found = typeof value === "string" ? await about.container(value) : undefined
  return found?.id ?? refuse(`No such container: ${shown(value) || at}`, 404)
}

function subnet(value: unknown, at: string, { about, refuse }: Parameters<Rule>[2]) {
  const allowed = typeof value === "string" && about.terms.subnets?.includes(value)
  return allowed ? value : refuse(`${at} must not be "${shown(value)}"`)
}
