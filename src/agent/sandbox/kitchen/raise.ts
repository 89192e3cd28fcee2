import { listLabelled } from "../../../lab/platforms/docker/containers.ts"
import { type Engine, EngineRefusal } from "../../../lab/platforms/docker/engine.ts"
import { KITCHEN_LABEL } from "../../../lab/platforms/docker/membership.ts"
import { type AddressRange, gatewayOf } from "../../../lab/platforms/docker/subnets.ts"
import { EnvironmentError, messageOf } from "../../../lib/errors.ts"

export interface KitchenOptions {
  engine: Engine
  /** The lab's id. */
  lab: string
  /** Built from the Dockerfile's target `kitchen`. */
  image: string
  /** The lab's networks, by name or id. Without any the kitchen reaches the scoped socket and nothing else. */
  networks?: readonly KitchenNetwork[]
  /** The folder on this host with the scoped socket, `docker.sock`. The folder, since a socket that is made anew is another file. */
  socket_dir?: string
  /** The lab's Compose file on this host, as the agent may see it. Both paths can be read in the kitchen (/proc/self/mountinfo). */
  compose_file?: string
  /** Beside `kitchen`. */
  labels?: Record<string, string>
  /** Beside DOCKER_HOST. */
  env?: Record<string, string>
  /** False leaves it the lab's own network: neither the internet nor this host, whether or not that network has a way out. */
  egress?: boolean
  limits?: Partial<KitchenResources>
}

export interface KitchenNetwork {
  id: string
  /** Left out: the engine chooses. */
  address?: string
}

export interface KitchenResources {
  memory_bytes: number
  cpus: number
  processes: number
}

/**
 * Starts the kitchen of a lab, in place of any that it had, and gives the container's id. It carries the label `kitchen=LAB`, by which
 * whoever destroys the lab finds it, and is no node of the lab. Throws an EnvironmentError, and then leaves none.
 */
export async function raiseKitchen(options: KitchenOptions): Promise<string> {
  const { engine, lab, networks = [] } = options
  await removeKitchen(engine, lab)
  try {
    const id = await start(options, `kitchen-${lab}`, container(options))
    for (const network of networks.slice(1)) {
      const body = { Container: id, EndpointConfig: endpoint(network) }
      await engine.request("POST", `/networks/${network.id}/connect`, { body })
    }
    if (options.egress === false && networks.length > 0) await closeOff(options, id)
    return id
  } catch (error) {
    await removeKitchen(engine, lab)
    throw error
  }
}

/** Removes the kitchen of a lab, if it has one, with all that runs there. */
export async function removeKitchen(engine: Engine, lab: string): Promise<void> {
  for (const { Id } of await listLabelled(engine, { label: KITCHEN_LABEL, value: lab })) await remove(engine, Id)
}

// internal

/** Enough for every tool and for a package to be installed; small beside a lab. */
const RESOURCES: KitchenResources = { memory_bytes: 1024 ** 3, cpus: 1, processes: 512 }

/** What root needs for its own files, users and processes, and for ping and tcpdump. No mknod, chroot, module, trace or interface. */
const CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_RAW", "SETGID", "SETUID"]

const SOCKET_DIR = "/run/lab"
const COMPOSE_FILE = "/work/compose.yaml"

function container({
  lab,
  image,
  networks = [],
  socket_dir,
  compose_file,
  labels,
  env,
  egress,
  limits,
}: KitchenOptions) {
  const { memory_bytes, cpus, processes } = { ...RESOURCES, ...limits }
  const all = { ...(socket_dir !== undefined && { DOCKER_HOST: `unix://${SOCKET_DIR}/docker.sock` }), ...env }
  return {
    Image: image,
    Hostname: "kitchen",
    Labels: { ...labels, [KITCHEN_LABEL]: lab },
    Env: Object.entries(all).map(([name, value]) => `${name}=${value}`),
    HostConfig: {
      NetworkMode: networks[0]?.id ?? "none",
      Mounts: [mount(socket_dir, SOCKET_DIR), mount(compose_file, COMPOSE_FILE)].flat(),
      CapDrop: ["ALL"],
      CapAdd: CAPABILITIES,
      SecurityOpt: ["no-new-privileges"],
      Memory: memory_bytes,
      MemorySwap: memory_bytes,
      NanoCpus: cpus * 1e9,
      PidsLimit: processes,
      // Names out there are not answered; to learn that is not to take ten seconds.
      ...(egress === false && { DnsOptions: ["timeout:1", "attempts:1"] }),
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "none" },
    },
    ...(networks[0] && { NetworkingConfig: { EndpointsConfig: { [networks[0].id]: endpoint(networks[0]) } } }),
  }
}

function endpoint({ address }: KitchenNetwork) {
  return address === undefined ? {} : { IPAMConfig: { IPv4Address: address } }
}

/** Read-only: a socket can be talked to, and not replaced. Unlike a bind by its short form, this refuses a source that is missing. */
function mount(source: string | undefined, target: string) {
  return source === undefined ? [] : [{ Type: "bind", Source: source, Target: target, ReadOnly: true }]
}

async function start(options: KitchenOptions, name: string | undefined, body: object): Promise<string> {
  const { engine, lab, image } = options
  const hint = `check that the engine has the image ${image} and the lab's network (docker image ls, docker network ls)`
  try {
    const query = name === undefined ? {} : { name }
    const created = await engine.request<{ Id: string }>("POST", "/containers/create", { query, body })
    if (!created) throw new EnvironmentError(`there is no image ${image}`, { hint })
    await engine.request("POST", `/containers/${created.Id}/start`)
    const state = (await engine.request<Inspected>("GET", `/containers/${created.Id}/json`))?.State
    // A start with something missing, such as the network, is refused by the status that a missing container has, too.
    if (!state || state.Status === "created") throw new EnvironmentError(state?.Error || "it is gone", { hint })
    return created.Id
  } catch (error) {
    throw new EnvironmentError(`the kitchen of ${lab} could not be started: ${messageOf(error)}`, {
      hint,
      cause: error,
    })
  }
}

interface Inspected {
  State: { Status: string; Error: string }
}

/** A network. */
interface Described {
  IPAM: { Config: AddressRange[] | null }
}

async function remove(engine: Engine, id: string): Promise<void> {
  try {
    await engine.request("DELETE", `/containers/${id}`, { query: { force: "true", v: "true" } })
  } catch (error) {
    // Somebody else is at it.
    if (!(error instanceof EngineRefusal && error.status === 409)) throw error
  }
}

/**
 * Takes the routes away before the agent has run anything: from a container of a moment, which may change routes, in the kitchen's
 * own network, which may not. The gateway is this host, and the last stop of everything that leaves.
 */
async function closeOff(options: KitchenOptions, kitchen: string): Promise<void> {
  const { engine, lab, image, networks = [] } = options
  // An internal network may have no default route that would tell of its gateway, which is reached all the same.
  const found = await Promise.all(networks.map((one) => engine.request<Described>("GET", `/networks/${one.id}`)))
  const ranges = found.flatMap((one) => one?.IPAM.Config ?? [])
  const gateways = ranges.map(gatewayOf).filter((gateway) => gateway !== undefined)
  const id = await start(options, undefined, {
    Image: image,
    Cmd: ["bash", "-c", CLOSE_OFF, "close-off", ...gateways],
    Labels: { ...options.labels, [KITCHEN_LABEL]: lab },
    HostConfig: { NetworkMode: `container:${kitchen}`, CapDrop: ["ALL"], CapAdd: ["NET_ADMIN"] },
  })
  const end = await engine.request<{ StatusCode: number }>("POST", `/containers/${id}/wait`)
  await remove(engine, id)
  if (end?.StatusCode !== 0)
    throw new EnvironmentError(`the kitchen of ${lab} could not be closed off from the internet`)
}

const CLOSE_OFF = `set -e
for gateway in "$@" $(ip -4 route show default | awk '{ print $3 }'); do ip -4 route replace prohibit "$gateway"; done
ip -4 route flush default
ip -6 route flush default
test -z "$(ip -4 route show default)$(ip -6 route show default)"`
