import { UsageError } from "../../../lib/errors.ts"
import { didYouMean } from "../../../lib/nearest.ts"
import type { Engine } from "./engine.ts"
import { labelFilter, listLabelled, serviceOf } from "./containers.ts"
import { LAB_LABEL, PROJECT_LABEL } from "./membership.ts"
import { type AddressRange, gatewayOf, lastFree } from "./subnets.ts"
import { type Grounds, hostPathsOf, type Reach, wayOut } from "./way-out.ts"

/** A container of a project, as its owner runs it. */
export interface Member {
  name: string
  /** "" for what is no instance of one: a single command, or what somebody has started by hand. */
  service: string
  /** The name of its image, and the id that the name stood for when it was made. */
  images: string[]
  binds: { source: string; target: string; read_only: boolean }[]
  /** How whoever works in it gets out of the project; undefined when it stays inside. */
  way_out: string | undefined
}

export interface ProjectNetwork {
  id: string
  /** What a guest must take, where its owner deals out addresses: one that is free now may be that of a container that is down. */
  address?: string
}

/** A Compose project that somebody else runs, as the engine knows it. Nothing is changed by asking. */
export interface Project {
  name: string
  members: Member[]
  /** Its own networks, as far as a container of this machine can take part in them. */
  networks: ProjectNetwork[]
  /** As `wayOut`, also for a container that its owner makes later. */
  wayOut(container: Reach): string | undefined
}

/** The project of that name. A UsageError when the engine has no container of one, or when it is a lab of Operator's. */
export async function findProject(engine: Engine, name: string): Promise<Project> {
  const project = await projectOf(engine, name)
  if (project.members.length > 0) return project
  const names = await projectNames(engine)
  throw new UsageError(`no Compose project "${name}" is there${didYouMean(name, names)}`, {
    hint: names.length === 0 ? "docker compose up starts one" : `there are: ${names.join(", ")}`,
  })
}

/** As `findProject`; without members when nothing is there. */
export async function projectOf(engine: Engine, name: string): Promise<Project> {
  const membership = { label: PROJECT_LABEL, value: name }
  const query = labelFilter(membership)
  const [listed, networks, volumes] = await Promise.all([
    listLabelled(engine, membership),
    engine.request<{ Id: string; Driver: string }[]>("GET", "/networks", { query }),
    engine.request<{ Volumes: Volume[] | null }>("GET", "/volumes", { query }),
  ])
  const inspected = await Promise.all(
    listed.map(({ Id }) => engine.request<Inspected>("GET", `/containers/${Id}/json`)),
  )
  const containers = inspected.filter((one) => one !== undefined)
  if (containers.some(({ Config }) => Config.Labels[LAB_LABEL] === name)) {
    throw new UsageError(`${name} is a lab that Operator has made: there is nobody to adopt it from`, {
      hint: `operator labs shows it; operator monitor ${name} watches it`,
    })
  }
  // On others a guest would take an address of the owner's own network.
  const bridges = (networks ?? []).filter(({ Driver }) => Driver === "bridge")
  const grounds = groundsOf(containers, volumes?.Volumes ?? [])
  return {
    name,
    members: containers.map((one) => memberOf(one, grounds)),
    networks: await Promise.all(bridges.map(({ Id }) => networkOf(engine, Id, containers))),
    wayOut: (container) => wayOut(container, grounds),
  }
}

// internal

interface Inspected extends Reach {
  Id: string
  Name: string
  Image: string
  Config: { Image: string; Labels: Record<string, string> }
  NetworkSettings: { Networks: Record<string, Endpoint> }
}

interface Endpoint {
  NetworkID: string
  IPAMConfig: { IPv4Address?: string } | null
}

interface Network {
  IPAM: { Config: AddressRange[] | null }
  /** Addresses with their range: "172.18.0.2/16". */
  Containers: Record<string, { IPv4Address: string }>
}

interface Volume {
  Name: string
  Options: Record<string, string> | null
}

async function projectNames(engine: Engine): Promise<string[]> {
  const listed = await listLabelled(engine, { label: PROJECT_LABEL })
  // Labs of Operator's are nothing to be adopted.
  const foreign = listed.filter(({ Labels }) => Labels[LAB_LABEL] !== Labels[PROJECT_LABEL])
  return [...new Set(foreign.map(({ Labels }) => Labels[PROJECT_LABEL] ?? ""))].sort()
}

async function networkOf(engine: Engine, id: string, containers: readonly Inspected[]): Promise<ProjectNetwork> {
  const endpoints = containers.flatMap(({ NetworkSettings }) => Object.values(NetworkSettings.Networks))
  const dealt = endpoints.flatMap(({ NetworkID, IPAMConfig }) =>
    NetworkID === id && IPAMConfig?.IPv4Address ? [IPAMConfig.IPv4Address] : [],
  )
  if (dealt.length === 0) return { id }
  const network = await engine.request<Network>("GET", `/networks/${id}`)
  // One of IPv6 may stand before it.
  const range = network?.IPAM.Config?.find((one) => gatewayOf(one) !== undefined)
  if (!range) return { id }
  const used = Object.values(network?.Containers ?? {}).map(({ IPv4Address }) => IPv4Address.split("/")[0] ?? "")
  const address = lastFree(range.Subnet ?? "", new Set([...dealt, ...used, gatewayOf(range) ?? ""]))
  return address === undefined ? { id } : { id, address }
}

function groundsOf(containers: readonly Inspected[], volumes: readonly Volume[]): Grounds {
  const device = ({ Name, Options }: Volume): [string, string][] =>
    Options?.device?.startsWith("/") ? [[Name, Options.device]] : []
  const devices = new Map(volumes.flatMap(device))
  const paths = containers.flatMap(({ Mounts }) => hostPathsOf(Mounts, devices))
  return {
    ids: new Set(containers.map(({ Id }) => Id)),
    folder: containers.map(({ Config }) => Config.Labels[`${PROJECT_LABEL}.working_dir`] ?? "").find(Boolean) ?? "",
    writable: paths.flatMap(({ path, writable }) => (writable ? [path] : [])),
    devices,
  }
}

function memberOf(one: Inspected, grounds: Grounds): Member {
  const binds = one.Mounts.filter(({ Type }) => Type === "bind")
  return {
    name: one.Name.replace(/^\//, ""),
    service: serviceOf(one.Config.Labels) ?? "",
    images: [one.Config.Image, one.Image],
    binds: binds.map(({ Source, Destination, RW }) => ({ source: Source, target: Destination, read_only: !RW })),
    way_out: wayOut(one, grounds),
  }
}
