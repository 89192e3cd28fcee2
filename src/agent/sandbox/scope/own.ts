import type { AskEngine } from "./engine.ts"
import { LAB_LABEL, PROJECT_LABEL } from "../../../lab/platforms/docker/membership.ts"
import { belongs, ownLabel, type Terms } from "./terms.ts"

export interface Found {
  id: string
  name: string
  /** Of a container that may be looked at and restarted, but not entered: how that would lead out of the lab. */
  way_out?: string | undefined
}

/** Looks up what belongs to the lab. `undefined` is for both, what does not exist and what is somebody else's. */
export interface Own {
  /** By full id, name or unique beginning of an id, as the engine resolves them. */
  container(ref: string): Promise<Found | undefined>
  /** The container in which a command was prepared. */
  exec(id: string): Promise<Found | undefined>
  network(ref: string): Promise<(Found & { described: Json }) | undefined>
  /** Carries the label; or is anonymous and mounted by one of the lab's containers, since anonymous volumes have no labels. */
  volume(name: string): Promise<boolean>
  /** The engine's description of an image that is allowed. */
  image(ref: string): Promise<Json | undefined>
  /** The tags and ids that `allowed_images` stand for now. */
  isAllowedImage(image: Json): boolean
  containers(): Promise<Json[]>
  networks(): Promise<Json[]>
  /** A name was changed: what is remembered about the container is no longer right. */
  forget(id: string): void
}

export type Json = Record<string, unknown>

export function lookup(ask: AskEngine, terms: Terms): Own {
  const mine = `filters=${encodeURIComponent(JSON.stringify({ label: [ownLabel(terms)] }))}`
  const known = new Map<string, Found>()
  const allowed = new Set(terms.allowed_images.flatMap(spellings))

  const one = async (path: string): Promise<Json | undefined> => {
    const { status, json } = await ask(path)
    return status === 200 ? object(json) : undefined
  }
  const list = async (path: string): Promise<Json[]> => {
    const { status, json } = await ask(path)
    const rows = status === 200 && Array.isArray(json) ? json.map(object) : []
    return rows.filter((row) => belongs(row["Labels"], terms))
  }

  /** A volume may be another name for any folder of the host. */
  const leadsOut = (volume: Json) => {
    const Source = text(object(volume["Options"])["device"])
    return (
      Source !== "" && terms.wayOut?.({ HostConfig: {}, Mounts: [{ Type: "bind", Source, RW: true }] }) !== undefined
    )
  }

  const own: Own = {
    async container(ref) {
      if (!REF.test(ref)) return undefined
      const remembered = known.get(ref)
      if (remembered) return remembered
      const described = await one(`/containers/${ref}/json`)
      if (!described || !belongs(object(described["Config"])["Labels"], terms)) return undefined
      const found = {
        id: text(described["Id"]),
        name: text(described["Name"]).replace(/^\//, ""),
        way_out: terms.wayOut?.(described),
      }
      if (!FULL_ID.test(found.id)) return undefined
      // Only under the full id: labels never change, and ids are never used again, but names move from one container to another.
      if (known.size >= KNOWN_MAX) known.clear()
      known.set(found.id, found)
      return found
    },
    async exec(id) {
      if (!FULL_ID.test(id)) return undefined
      const described = await one(`/exec/${id}/json`)
      return described && (await own.container(text(described["ContainerID"])))
    },
    async network(ref) {
      if (!REF.test(ref)) return undefined
      const described = await one(`/networks/${ref}`)
      if (!described || !belongs(described["Labels"], terms)) return undefined
      return { id: text(described["Id"]), name: text(described["Name"]), described }
    },
    async volume(name) {
      if (!REF.test(name)) return false
      const described = await one(`/volumes/${name}`)
      if (!described || text(described["Name"]) !== name) return false
      if (belongs(described["Labels"], terms)) return !leadsOut(described)
      if (!FULL_ID.test(name) || OWNERS.some((label) => Object.hasOwn(object(described["Labels"]), label))) return false
      const filters = encodeURIComponent(JSON.stringify({ volume: [name] }))
      const { json } = await ask(`/containers/json?all=1&filters=${filters}`)
      const users = Array.isArray(json) ? json.map(object) : []
      return users.length > 0 && users.every((user) => belongs(user["Labels"], terms))
    },
    async image(ref) {
      if (!IMAGE.test(ref)) return undefined
      const described = await one(`/images/${ref}/json`)
      return described && own.isAllowedImage(described) ? described : undefined
    },
    isAllowedImage(image) {
      const names = [text(image["Id"]), ...strings(image["RepoTags"]), ...strings(image["RepoDigests"])]
      return names.some((name) => allowed.has(name))
    },
    containers: () => list(`/containers/json?all=1&${mine}`),
    networks: () => list(`/networks?${mine}`),
    forget: (id) => void known.delete(id),
  }
  return own
}

/** The value as an object, empty for anything else. */
export function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

export const text = (value: unknown): string => (typeof value === "string" ? value : "")
export const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : [])

/** How the engine writes a name that may be given without its tag. */
export function spellings(image: string): string[] {
  return /:[^/]*$|@/.test(image) ? [image] : [image, `${image}:latest`, `sha256:${image}`]
}

// internal

/** More containers than a lab has in its life. */
const KNOWN_MAX = 1024

/** What has one of these is somebody's. */
const OWNERS = [LAB_LABEL, PROJECT_LABEL]

const REF = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/
const FULL_ID = /^[0-9a-f]{64}$/
const IMAGE = /^[a-zA-Z0-9](?:[a-zA-Z0-9_.:@-]|\/(?=[a-zA-Z0-9])){0,254}$/
