import type { View } from "../agent/sandbox/view.ts"
import { type Engine, EngineRefusal } from "../lab/platforms/docker/engine.ts"

/** Something that an agent can read, and where. */
export interface Sight {
  place: string
  text: string
}

/** All that is looked at before a trial (CONTRIBUTING, "What an agent must not read"): by Docker's lists, and in the kitchen. */
export async function lookAround(view: View): Promise<Sight[]> {
  const { engine } = view
  const containers = (await engine.request<Listed[]>("GET", "/containers/json", { query: { all: "true" } })) ?? []
  const addresses = containers.flatMap(({ NetworkSettings }) =>
    Object.values(NetworkSettings?.Networks ?? {}).flatMap(({ IPAddress }) => (IPAddress ? [IPAddress] : [])),
  )
  const sights = await Promise.all([
    { place: "docker ps", text: JSON.stringify(containers) },
    ...containers.flatMap((container) => sightsOf(engine, container)),
    ...LISTS.map(([place, path]) => asked(engine, place, path)),
    imagesOf(engine),
    streamed(engine, "docker events", "/events", { since: "0", until: now_s() }),
    view.run(KITCHEN, addresses).then(sectionsOf),
  ])
  return sights.flat()
}

// internal

/** With its fraction: the engine waits until a time that is to come. */
const now_s = () => (Date.now() / 1_000).toFixed(3)

interface Listed {
  Id: string
  Names: string[]
  State: string
  NetworkSettings?: { Networks: Record<string, { IPAddress?: string }> }
}

const LISTS = [
  ["docker network ls", "/networks"],
  ["docker volume ls", "/volumes"],
  ["docker info", "/info"],
  ["docker version", "/version"],
] as const

/** Of each node's log, the end. */
const LOG_LINES = "500"
/** Of what comes as a stream. */
const MAX_TEXT_BYTES = 1024 * 1024
/** A log or a list of events that ends by itself. */
const STREAM_TIMEOUT_MS = 10_000

function sightsOf(engine: Engine, { Id, Names, State }: Listed): Promise<Sight[]>[] {
  const name = (Names[0] ?? Id).replace(/^\//, "")
  const log = { stdout: "true", stderr: "true", tail: LOG_LINES }
  return [
    asked(engine, `docker inspect ${name}`, `/containers/${Id}/json`),
    streamed(engine, `docker logs ${name}`, `/containers/${Id}/logs`, log),
    ...(State === "running" ? [asked(engine, `docker top ${name}`, `/containers/${Id}/top`)] : []),
  ]
}

async function imagesOf(engine: Engine): Promise<Sight[]> {
  const images = (await engine.request<{ Id: string; RepoTags: string[] }[]>("GET", "/images/json")) ?? []
  const each = images.flatMap(({ Id, RepoTags }) => [
    asked(engine, `docker image inspect ${RepoTags[0] ?? Id}`, `/images/${Id}/json`),
    // Nothing, for as long as a kitchen's engine does not tell it.
    asked(engine, `docker history ${RepoTags[0] ?? Id}`, `/images/${Id}/history`),
  ])
  return [{ place: "docker image ls", text: JSON.stringify(images) }, ...(await Promise.all(each)).flat()]
}

/** One answer. What has gone meanwhile, and what the engine tells nobody, is nothing to be seen. */
async function asked(engine: Engine, place: string, path: string): Promise<Sight[]> {
  return seen(place, async () => JSON.stringify((await engine.request("GET", path)) ?? ""))
}

async function streamed(engine: Engine, place: string, path: string, query: Record<string, string>): Promise<Sight[]> {
  return seen(place, async () => {
    const stream = await engine.stream("GET", path, { query, signal: AbortSignal.timeout(STREAM_TIMEOUT_MS) })
    const parts: Uint8Array[] = []
    let size_bytes = 0
    for await (const part of stream) {
      parts.push(part)
      size_bytes += part.length
      if (size_bytes >= MAX_TEXT_BYTES) break
    }
    return Buffer.concat(parts).toString("latin1")
  })
}

async function seen(place: string, look: () => Promise<string>): Promise<Sight[]> {
  try {
    return [{ place, text: await look() }]
  } catch (error) {
    if (error instanceof EngineRefusal) return []
    throw error
  }
}

/** Begins each section of what the script prints. */
const SECTION = "\x1e"

function sectionsOf(printed: string): Sight[] {
  return printed
    .split(SECTION)
    .slice(1)
    .map((section) => {
      const end = section.indexOf("\n")
      return { place: `the kitchen's ${section.slice(0, end)}`, text: section.slice(end + 1) }
    })
}

/** Everything at once: its words are the addresses of the nodes. Each line of a file has the file's name before it. */
const KITCHEN = `section() { printf '\\036%s\\n' "$1"; }
names() { for address; do timeout 1 getent hosts "$address" & done; wait; }
found=$(names "$@")
section environment; env; tr '\\0' '\\n' </proc/1/environ
section processes; for one in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <"$one"; echo; done 2>/dev/null
section mounts; cat /proc/self/mountinfo
section names; hostname; cat /etc/hosts /etc/hostname /etc/resolv.conf; echo "$found"
section files; find /work /run /tmp /root /home /srv /opt /mnt /media /var/tmp /var/log /usr/local -xdev 2>/dev/null
find /work /run /tmp /root /home /srv /opt /mnt /media /var/tmp /var/log /usr/local -xdev -type f -size -256k \
  -exec grep -aH '' {} + 2>/dev/null
true`
