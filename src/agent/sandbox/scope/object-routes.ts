import { VOLUME } from "./bodies.ts"
import { rebuild } from "./fields.ts"
import { parseFilters, withLabel, writeFilters } from "./filters.ts"
import { CONNECTED, DISCONNECTED, NETWORK } from "./networking.ts"
import { type Json, object } from "./own.ts"
import { type About, type Asked, denied, type Judgement, type Route } from "./route.ts"
import { belongs, NETWORKS_MAX, ownLabel } from "./terms.ts"

/** Networks and volumes of the lab. Other members of its networks are left out. */
export const OBJECT_ROUTES: readonly Route[] = [
  { ...looks("list networks", "/networks"), query: ["filters"], judge: listNetworks },
  { ...looks("inspect network", "/networks/:ref"), query: ["scope", "verbose"], judge: inspectNetwork },
  { ...changes("create network", "POST", "/networks/create"), body: "json", judge: createNetwork },
  { ...changes("connect", "POST", "/networks/:ref/connect"), body: "json", judge: membership("connect") },
  { ...changes("disconnect", "POST", "/networks/:ref/disconnect"), body: "json", judge: membership("disconnect") },
  { ...changes("remove network", "DELETE", "/networks/:ref"), judge: removeNetwork },
  { ...looks("list volumes", "/volumes"), query: ["filters"], judge: listVolumes },
  { ...looks("inspect volume", "/volumes/:ref"), judge: onVolume },
  { ...changes("create volume", "POST", "/volumes/create"), body: "json", judge: createVolume },
  { ...changes("remove volume", "DELETE", "/volumes/:ref"), query: ["force"], judge: onVolume },
]

// internal

const NETWORK_FILTERS = ["dangling", "driver", "id", "label", "name", "scope", "type"]
const VOLUME_FILTERS = ["dangling", "driver", "label", "name"]

function looks(name: string, path: string) {
  return { name, method: "GET" as const, path, query: [], body: "none" as const, mutating: false, upgrades: false }
}

function changes(name: string, method: "POST" | "DELETE", path: string) {
  return { name, method, path, query: [], body: "none" as const, mutating: true, upgrades: false }
}

const noSuchNetwork = (ref: string) => denied(404, `network ${ref} not found`)

async function listNetworks({ query, version }: Asked, about: About): Promise<Judgement> {
  const filters = parseFilters(query.get("filters"), NETWORK_FILTERS)
  if (!filters) return denied(400, "invalid filter")
  return {
    kind: "made",
    path: "/networks",
    query,
    make: async () => {
      const path = `${version}/networks?filters=${forced(filters, about)}`
      const [{ status, json }, own] = await Promise.all([about.ask(path), about.own.containers()])
      if (!Array.isArray(json)) return { status, json }
      const networks = json.map(object).filter((network) => belongs(network["Labels"], about.terms))
      return { status, json: withoutStrangers(networks, own) }
    },
  }
}

async function inspectNetwork({ ref, query, version }: Asked, about: About): Promise<Judgement> {
  const [found, own] = await Promise.all([about.own.network(ref), about.own.containers()])
  if (!found) return noSuchNetwork(ref)
  const path = `/networks/${found.id}`
  const make = async () => {
    // Looked up a moment ago; asked again only when the client wants it in another form.
    const asked = query.size === 0 ? undefined : await about.ask(`${version}${path}?${new URLSearchParams([...query])}`)
    const { status, json } = asked ?? { status: 200, json: found.described }
    return { status, json: status === 200 ? withoutStrangers([object(json)], own)[0] : json }
  }
  return { kind: "made", path, query, make }
}

/** Networks with those of their members that are the lab's. */
function withoutStrangers(networks: readonly Json[], own: readonly Json[]): Json[] {
  const ids = new Set(own.map((container) => container["Id"]))
  return networks.map(({ Peers: _peers, Services: _services, ...network }) => {
    const members = Object.entries(object(network["Containers"])).filter(([id]) => ids.has(id))
    return { ...network, Containers: Object.fromEntries(members) }
  })
}

async function createNetwork(asked: Asked, about: About): Promise<Judgement> {
  const rebuilt = await rebuild(NETWORK, labelled(asked.body), about)
  if (rebuilt.kind === "refused") return denied(rebuilt.status, rebuilt.reason)
  if (rebuilt.body["Name"] === undefined) return denied(400, "a network needs a name")
  if (about.terms.egress === false && rebuilt.body["Internal"] !== true) {
    return denied(403, "this lab has no way out: say --internal")
  }
  if ((await about.own.networks()).length >= NETWORKS_MAX) {
    return denied(403, `this lab has ${NETWORKS_MAX} networks already, which is all that it may have`)
  }
  return { kind: "passed", path: "/networks/create", query: asked.query, body: rebuilt.body }
}

function membership(verb: "connect" | "disconnect") {
  return async ({ ref, query, body }: Asked, about: About): Promise<Judgement> => {
    const found = await about.own.network(ref)
    if (!found) return noSuchNetwork(ref)
    const rebuilt = await rebuild(verb === "connect" ? CONNECTED : DISCONNECTED, body, about)
    if (rebuilt.kind === "refused") return denied(rebuilt.status, rebuilt.reason)
    if (rebuilt.body["Container"] === undefined) return denied(400, "a container must be named")
    return { kind: "passed", path: `/networks/${found.id}/${verb}`, query, body: rebuilt.body }
  }
}

async function removeNetwork({ ref, query }: Asked, about: About): Promise<Judgement> {
  const found = await about.own.network(ref)
  return found ? { kind: "passed", path: `/networks/${found.id}`, query } : noSuchNetwork(ref)
}

async function listVolumes({ query, version }: Asked, about: About): Promise<Judgement> {
  const filters = parseFilters(query.get("filters"), VOLUME_FILTERS)
  if (!filters) return denied(400, "invalid filter")
  return {
    kind: "made",
    path: "/volumes",
    query,
    make: async () => {
      const { status, json } = await about.ask(`${version}/volumes?filters=${forced(filters, about)}`)
      if (status !== 200) return { status, json }
      const volumes = object(json)["Volumes"]
      const rows = (Array.isArray(volumes) ? volumes : []).filter((row) => belongs(object(row)["Labels"], about.terms))
      return { status, json: { Volumes: rows, Warnings: null } }
    },
  }
}

async function onVolume({ ref, query }: Asked, about: About): Promise<Judgement> {
  if (!(await about.own.volume(ref))) return denied(404, `get ${ref}: no such volume`)
  return { kind: "passed", path: `/volumes/${ref}`, query }
}

async function createVolume(asked: Asked, about: About): Promise<Judgement> {
  const rebuilt = await rebuild(VOLUME, labelled(asked.body), about)
  if (rebuilt.kind === "refused") return denied(rebuilt.status, rebuilt.reason)
  return { kind: "passed", path: "/volumes/create", query: asked.query, body: rebuilt.body }
}

/** The body with labels to which the lab's will be added, when it has none. */
const labelled = (body: unknown) => ({ ...object(body), Labels: object(body)["Labels"] ?? {} })

function forced(filters: Map<string, string[]>, { terms }: About): string {
  return encodeURIComponent(writeFilters(withLabel(filters, ownLabel(terms))))
}
