import { parseFilters, withLabel, writeFilters } from "./filters.ts"
import { type Json, object, spellings, strings } from "./own.ts"
import { type About, type Asked, denied, type Judgement, type Route } from "./route.ts"
import { belongs, ownLabel } from "./terms.ts"

/** The engine itself, as far as a client must know it, and the images that a lab may use. */
export const ENGINE_ROUTES: readonly Route[] = [
  { ...looks("ping", "/_ping"), judge: asIs("/_ping") },
  { ...looks("ping", "/_ping"), method: "HEAD", judge: asIs("/_ping") },
  { ...looks("version", "/version"), judge: asIs("/version") },
  { ...looks("info", "/info"), judge: info },
  { ...looks("events", "/events"), query: ["filters", "since", "until"], judge: events },
  {
    ...looks("list images", "/images/json"),
    query: ["all", "digests", "filters", "manifests", "shared-size"],
    judge: listImages,
  },
  { ...looks("inspect image", "/images/:image/json"), query: ["manifests", "platform"], judge: inspectImage },
  // `docker inspect` asks for a plugin last, and shows its user what it hears.
  {
    ...looks("inspect plugin", "/plugins/:ref/json"),
    judge: async ({ ref }) => denied(404, `plugin "${ref}" not found`),
  },
]

// internal

/** What clients need of the engine's own description; the rest is about the host and others. */
const INFO_KEPT = [
  "Architecture",
  "CgroupDriver",
  "CgroupVersion",
  "CPUCfsPeriod",
  "CPUCfsQuota",
  "CpuCfsPeriod",
  "CpuCfsQuota",
  "CPUShares",
  "CPUSet",
  "DefaultRuntime",
  "Driver",
  "ExperimentalBuild",
  "IPv4Forwarding",
  "KernelVersion",
  "LoggingDriver",
  "MemTotal",
  "MemoryLimit",
  "NCPU",
  "OSType",
  "OperatingSystem",
  "PidsLimit",
  "SecurityOptions",
  "ServerVersion",
  "SwapLimit",
]

const EVENT_FILTERS = ["container", "event", "image", "label", "network", "type", "volume"]
const IMAGE_FILTERS = ["dangling", "label", "reference"]

function looks(name: string, path: string) {
  return {
    name,
    method: "GET" as Route["method"],
    path,
    query: [],
    body: "none" as const,
    mutating: false,
    upgrades: false,
  }
}

function asIs(path: string) {
  return async ({ query }: Asked): Promise<Judgement> => ({ kind: "passed", path, query })
}

async function info({ query, version }: Asked, about: About): Promise<Judgement> {
  const make = async () => {
    const [{ status, json }, containers] = await Promise.all([about.ask(`${version}/info`), about.own.containers()])
    if (status !== 200) return { status, json }
    const inState = (...states: string[]) => containers.filter(({ State }) => states.includes(String(State))).length
    const kept = Object.fromEntries(
      INFO_KEPT.flatMap((key) => (Object.hasOwn(object(json), key) ? [[key, object(json)[key]]] : [])),
    )
    const counts = {
      Containers: containers.length,
      ContainersRunning: inState("running", "restarting"),
      ContainersPaused: inState("paused"),
      ContainersStopped: inState("created", "exited", "dead"),
    }
    const nothing = {
      Images: about.terms.allowed_images.length,
      Swarm: { LocalNodeState: "inactive", ControlAvailable: false },
    }
    return {
      status,
      json: { ID: "", Name: about.terms.lab, ...counts, ...nothing, ...kept, Plugins: {}, Warnings: null },
    }
  }
  return { kind: "made", path: "/info", query, make }
}

async function events({ query }: Asked, about: About): Promise<Judgement> {
  const filters = parseFilters(query.get("filters"), EVENT_FILTERS)
  if (!filters) return denied(400, "invalid filter")
  const forced = writeFilters(withLabel(filters, ownLabel(about.terms)))
  const keep = (line: unknown) => belongs(object(object(line)["Actor"])["Attributes"], about.terms)
  return { kind: "filtered", path: "/events", query: new Map([...query, ["filters", forced]]), keep }
}

async function listImages({ query, version }: Asked, about: About): Promise<Judgement> {
  if (!parseFilters(query.get("filters"), IMAGE_FILTERS)) return denied(400, "invalid filter")
  const make = async () => {
    const { status, json } = await about.ask(`${version}/images/json?${new URLSearchParams([...query])}`)
    if (!Array.isArray(json)) return { status, json }
    const allowed = json.map(object).filter((image) => about.own.isAllowedImage(image))
    return { status, json: allowed.map((image) => withoutForeignNames(image, about)) }
  }
  return { kind: "made", path: "/images/json", query, make }
}

async function inspectImage({ ref, query }: Asked, about: About): Promise<Judgement> {
  const image = await about.own.image(ref)
  if (!image) return denied(404, `No such image: ${ref}`)
  return {
    kind: "made",
    path: `/images/${ref}/json`,
    query,
    make: async () => ({ status: 200, json: withoutForeignNames(image, about) }),
  }
}

/** An image may have the names of others beside its own. */
function withoutForeignNames(image: Json, { terms }: About): Json {
  const names = new Set(terms.allowed_images.flatMap(spellings))
  return { ...image, RepoTags: strings(image["RepoTags"]).filter((name) => names.has(name)) }
}
