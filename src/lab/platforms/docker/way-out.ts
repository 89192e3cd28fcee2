import { isBelow } from "../../../lib/below.ts"
import { OUTBREAKS } from "./refusals.ts"

/** What the engine says of a container, as far as it tells how far that reaches. */
export interface Reach {
  HostConfig: {
    Privileged?: boolean
    NetworkMode?: string
    PidMode?: string
    IpcMode?: string
    UTSMode?: string
    UsernsMode?: string
    CapAdd?: string[] | null
    SecurityOpt?: string[] | null
    Devices?: unknown[] | null
    DeviceRequests?: unknown[] | null
    DeviceCgroupRules?: unknown[] | null
  }
  Mounts: { Type: string; Name?: string; Source: string; Destination: string; RW: boolean }[]
}

/** What a project has of its own on this machine. */
export interface Grounds {
  /** The full ids of its containers. */
  ids: ReadonlySet<string>
  /** The folder in which its Compose file is; "" where nobody knows it. */
  folder: string
  /** The host paths that one of its containers can write to. */
  writable: readonly string[]
  /** Host paths that are mounted under the name of a volume, by that name. */
  devices: ReadonlyMap<string, string>
}

/**
 * How whoever works in a container gets out of its project, in words that follow the container's name; undefined when it stays inside.
 * A project that somebody else runs may hold what a lab's file is refused for (`refusals`).
 */
export function wayOut({ HostConfig: host, Mounts }: Reach, grounds: Grounds): string | undefined {
  if (host.Privileged) return "is privileged"
  for (const [what, mode = ""] of namespacesOf(host)) {
    const foreign = mode.startsWith("container:") && !grounds.ids.has(mode.slice("container:".length))
    if (mode === "host" || foreign) return `shares its ${what} with ${foreign ? "a foreign container" : "this machine"}`
  }
  const capability = host.CapAdd?.find((one) => OUTBREAKS.test(one))
  if (capability !== undefined) return `has the capability ${capability}`
  const loosened = host.SecurityOpt?.find((one) => !one.startsWith("no-new-privileges"))
  if (loosened !== undefined) return `has the security option ${loosened}`
  if ([host.Devices, host.DeviceRequests, host.DeviceCgroupRules].some((all) => (all?.length ?? 0) > 0)) {
    return "uses devices of this machine"
  }
  return hostPathsOf(Mounts, grounds.devices)
    .map(({ path, writable }) => pathOut(path, writable, grounds))
    .find((way) => way !== undefined)
}

/** What a container mounts of this machine, also under the name of a volume. */
export function hostPathsOf(
  mounts: Reach["Mounts"],
  devices: Grounds["devices"],
): { path: string; writable: boolean }[] {
  return mounts.flatMap(({ Type, Name = "", Source, RW: writable }) => {
    const path = Type === "bind" ? Source : Type === "volume" ? devices.get(Name) : undefined
    return path === undefined ? [] : [{ path, writable }]
  })
}

// internal

/** Places of the machine itself (hier(7)): whoever has one of them, or what is above, has the machine. */
const SYSTEM = `/bin /boot /dev /etc /home /lib /lib32 /lib64 /proc /root /run /sbin /sys /tmp /usr /var/lib/containerd
  /var/lib/docker /var/run /var/spool/cron /var/tmp`.split(/\s+/)

/** In these a file may be read, a certificate or the time zone. */
const READABLE = ["/etc", "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin"]

/** What people keep in their homes, but for what begins with a dot, which configures what they run; and what they put down for a while. */
const KEPT = /^\/(?:home\/[^/]+|tmp|var\/tmp)\/[^./]/

const HOME = /^\/home\/[^/]+$/

function namespacesOf(host: Reach["HostConfig"]): [string, string | undefined][] {
  return [
    ["network", host.NetworkMode],
    ["processes", host.PidMode],
    ["memory", host.IpcMode],
    ["host name", host.UTSMode],
    ["users", host.UsernsMode],
  ]
}

function pathOut(path: string, writable: boolean, { folder, writable: all }: Grounds): string | undefined {
  const over = all.find((other) => isBelow(path, other))
  // Whoever can write there can put a link to anywhere in its place, which the next start follows.
  if (over !== undefined) return `mounts ${path}, which lies within ${over}, where the project can write`
  if (path.endsWith(".sock")) return `mounts the socket ${path}`
  if (holdsSystem(path) || HOME.test(path)) return `mounts ${path} of this machine`
  if (folder !== "" && !holdsSystem(folder) && !HOME.test(folder) && isWithin(path, folder)) return undefined
  if (!SYSTEM.some((place) => isBelow(path, place)) || KEPT.test(path)) return undefined
  if (!writable && READABLE.some((place) => isBelow(path, place))) return undefined
  return `mounts ${path} of this machine`
}

const isWithin = (path: string, place: string) => path === place || isBelow(path, place)
const holdsSystem = (path: string) => SYSTEM.some((place) => isWithin(place, path))
