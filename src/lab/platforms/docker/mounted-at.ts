import { boundOf } from "./bounded-volume.ts"
import { dockerEngine } from "./engine.ts"
import { KITCHEN_LABEL } from "./membership.ts"

/** The volume below which a path of a container is, and the rest of the path. */
export interface Mounted {
  /** Undefined for what is no volume. */
  volume: string | undefined
  /** Within it. */
  path: string
  /** Undefined when nothing bounds it. */
  bound_bytes: number | undefined
  /** The names of the other containers that have it. */
  others: string[]
}

/** Where a path of a container is kept. */
export async function mountedAt(container: string, path: string): Promise<Mounted> {
  const engine = dockerEngine()
  const found = await engine.request<Inspected>("GET", `/containers/${container}/json`)
  const above = (found?.Mounts ?? []).filter(({ Destination }) => `${path}/`.startsWith(`${Destination}/`))
  const [mount] = above.sort((a, b) => b.Destination.length - a.Destination.length)
  const volume = mount?.Type === "volume" ? mount.Name : undefined
  if (volume === undefined) return { volume, path, bound_bytes: undefined, others: [] }
  const options = await engine.request<{ Driver: string; Options: Record<string, string> | null }>(
    "GET",
    `/volumes/${volume}`,
  )
  const query = { all: "true", filters: JSON.stringify({ volume: [volume] }) }
  const users = await engine.request<User[]>("GET", "/containers/json", { query })
  return {
    volume,
    path: path.slice(mount!.Destination.length).replace(/^\//, ""),
    bound_bytes: options && boundOf({ driver: options.Driver, driver_opts: options.Options ?? {} }),
    others: (users ?? []).flatMap(({ Id, Names, Labels }) =>
      Id === container || KITCHEN_LABEL in Labels ? [] : (Names[0]?.slice(1) ?? Id),
    ),
  }
}

/** Whether a volume is there, whoever uses it. */
export async function hasVolume(volume: string): Promise<boolean> {
  return (await dockerEngine().request("GET", `/volumes/${volume}`)) !== undefined
}

// internal

interface Inspected {
  Mounts: { Type: string; Name?: string; Destination: string }[]
}

interface User {
  Id: string
  Names: string[]
  Labels: Record<string, string>
}
