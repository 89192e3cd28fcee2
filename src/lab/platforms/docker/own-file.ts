import { join, normalize, relative } from "node:path"
import {
  type ComposeFile,
  type ComposeMount,
  type ComposeNetwork,
  type ComposeService,
  type ComposeText,
  type ComposeVolume,
  instancesOf,
} from "./compose-file.ts"
import { LAB_LABEL, PLACE_LABEL } from "./membership.ts"

/** A file or folder of the subject that goes into the lab's own folder. */
export interface Copy {
  from: string
  to: string
}

export interface OwnFile {
  file: ComposeFile
  copies: Copy[]
}

export interface OwnFileOptions {
  id: string
  /** As `placeOf`. */
  place: string
  dir: string
  folder: string
  /** The name of the image of each service that is built. */
  built: Record<string, string>
  /** Where the image of each service has a volume, whatever its file says. */
  image_volumes: Record<string, string[]>
  egress: boolean
}

/**
 * The file of one lab, from the subject's: everything carries the lab's label and the project's own names; host ports, container
 * names and address plans are taken out; what is mounted from the subject's folder is a copy under `dir`; volumes have
 * names; without `egress` the networks have no way out. Pure.
 */
export function ownFile(file: ComposeFile, lab: OwnFileOptions): OwnFile {
  const copies: Copy[] = []
  const copied = (from: string) => {
    const to = join(lab.dir, "files", relative(lab.folder, from))
    copies.push({ from, to })
    // For Compose, which takes a single dollar for a variable.
    return to.replaceAll("$", "$$$$")
  }
  const labels = { [LAB_LABEL]: lab.id, [PLACE_LABEL]: lab.place }
  const services = mapValues(file.services, (service, name) => withNamedVolumes(service, name, lab.image_volumes[name]))
  const named = Object.values(services).flatMap(({ volumes = [] }) => volumes.filter(({ type }) => type === "volume"))
  const volumes = Object.fromEntries(named.map(({ source = "" }) => [source, {}]))
  delete volumes[""]
  const own: ComposeFile = {
    name: lab.id,
    services: mapValues(services, (service, name) => ownService(service, lab.built[name], labels, copied)),
    networks: mapValues(file.networks ?? {}, (network) => ({
      ...ownNetwork(network ?? {}, labels),
      ...(!lab.egress && { internal: true }),
    })),
    volumes: mapValues({ ...volumes, ...file.volumes }, (volume) => ownVolume(volume ?? {}, labels)),
    configs: mapValues(file.configs ?? {}, (text) => ownText(text, copied)),
    secrets: mapValues(file.secrets ?? {}, (text) => ownText(text, copied)),
  }
  return { file: own, copies }
}

/** The same with an address range for each network, in the order of its networks. */
export function withSubnets(file: ComposeFile, subnets: readonly string[]): ComposeFile {
  const names = Object.keys(file.networks ?? {})
  return {
    ...file,
    networks: mapValues(file.networks ?? {}, (network, name) => ({
      ...network,
      ipam: { config: [{ subnet: subnets[names.indexOf(name)] }] },
    })),
  }
}

/** How many containers each network holds, in the order of the networks. */
export function membersOfNetworks(file: ComposeFile): number[] {
  return Object.keys(file.networks ?? {}).map((network) =>
    Object.values(file.services)
      .filter(({ networks }) => networks !== undefined && network in networks)
      .reduce((sum, service) => sum + instancesOf(service), 0),
  )
}

// internal

const NOT_IN_A_LAB = new Set(["build", "container_name", "develop", "ports", "profiles"])

function ownService(
  service: ComposeService,
  image: string | undefined,
  labels: Record<string, string>,
  copied: (from: string) => string,
): ComposeService {
  const kept = Object.entries(service).filter(([key]) => !NOT_IN_A_LAB.has(key) && !key.startsWith("x-"))
  return {
    ...Object.fromEntries(kept),
    // What was built here is in no registry.
    ...(image !== undefined && { image, pull_policy: "never" }),
    ...(service.volumes && { volumes: service.volumes.map((mount) => ownMount(mount, copied)) }),
    labels: { ...service.labels, ...labels },
  }
}

/**
 * A volume without a name gets one, and with it the lab's label: else it would stay behind when somebody removes the container.
 * Not for several instances, which would share it.
 */
function withNamedVolumes(service: ComposeService, name: string, of_image: string[] = []): ComposeService {
  if (instancesOf(service) !== 1) return service
  const declared = service.volumes ?? []
  const taken = new Set([...declared.map(({ target }) => target), ...tmpfsOf(service)].map(plainPath))
  const more = of_image.filter((target) => !taken.has(plainPath(target))).map((target) => ({ type: "volume", target }))
  const all: ComposeMount[] = [...declared, ...more]
  if (all.length === 0) return service
  const named = (mount: ComposeMount, n: number) =>
    mount.type === "volume" && mount.source === undefined ? { ...mount, source: `${name}-unnamed-${n + 1}` } : mount
  return { ...service, volumes: all.map(named) }
}

function tmpfsOf({ tmpfs = [] }: ComposeService): string[] {
  return [tmpfs].flat().map((place) => place.split(":")[0] ?? "")
}

const plainPath = (path: string) => normalize(`${path}/`)

function ownMount(mount: ComposeMount, copied: (from: string) => string): ComposeMount {
  return mount.type === "bind" && mount.source !== undefined ? { ...mount, source: copied(mount.source) } : mount
}

/** Without a name of its own the project's is put before the key. */
function ownNetwork({ name: _, ipam: __, ...network }: ComposeNetwork, labels: Record<string, string>): ComposeNetwork {
  return { ...network, labels: { ...network.labels, ...labels } }
}

function ownVolume({ name: _, ...volume }: ComposeVolume, labels: Record<string, string>): ComposeVolume {
  return { ...volume, labels: { ...volume.labels, ...labels } }
}

function ownText({ name: _, ...text }: ComposeText, copied: (from: string) => string): ComposeText {
  return text.file === undefined ? text : { ...text, file: copied(text.file) }
}

function mapValues<T, R>(object: Record<string, T>, map: (value: T, key: string) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))
}
