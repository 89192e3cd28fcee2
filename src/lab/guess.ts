/** What a Compose file lets one guess of the system in it. */
export interface Guess {
  /** Replicas of one another. */
  groups: Record<string, string[]>
  /** What each service of a group, or one service, can be asked. */
  looks: Look[]
  /** The service that is a Prometheus. */
  prometheus: string | undefined
  /** Services that a lab starts and that are not meant to end. */
  lasting: string[]
  /** Some have health checks that can be asked in no other way. */
  needs_health_checks: boolean
}

/** An address that ought to answer. */
export interface Look {
  /** A group or a service. */
  each: string
  port: number
  /** Undefined where it is not known to speak HTTP. */
  path: string | undefined
  /** Its health check asks the same. */
  certain: boolean
}

/** Looks at names, ports and health checks of the services of a Compose file, as it is written. Whatever has not the shape that Compose wants is passed over. */
export function guessFrom(services: Readonly<Record<string, unknown>>): Guess {
  const ending = new Set(Object.values(services).flatMap(awaitedEnds))
  const lasting = Object.keys(services).filter((name) => !("profiles" in recordOf(services[name])) && !ending.has(name))
  const groups = groupsOf(lasting, Object.keys(services))
  const grouped = new Set(Object.values(groups).flat())
  const prometheus = lasting.find((name) => name === "prometheus" || imageOf(recordOf(services[name])) === "prometheus")
  const lookAt = (name: string) =>
    lookOf(recordOf(services[name])) ?? (name === prometheus ? KNOWN_IMAGES.prometheus : undefined)
  const looks = [
    ...Object.entries(groups).flatMap(([group, members]) => together(group, members, lookAt)),
    ...lasting.filter((name) => !grouped.has(name)).flatMap((name) => together(name, [name], lookAt)),
  ]
  const needs_health_checks = lasting.some((name) => {
    const { healthcheck } = recordOf(services[name])
    return hasTest(healthcheck) && fromHealthCheck(healthcheck) === undefined
  })
  return { groups, looks, prometheus, lasting, needs_health_checks }
}

// internal

type Asked = Omit<Look, "each">

/** Where servers mostly speak HTTP. */
const HTTP_PORTS = new Set([80, 3000, 5000, 8000, 8080, 8081, 8888, 9090])

const tcp = (port: number): Asked => ({ port, path: undefined, certain: false })

/** What servers listen on whose ports Compose files seldom name, by the last part of their image's name. */
const KNOWN_IMAGES: Record<string, Asked> = {
  etcd: { port: 2379, path: "/health", certain: false },
  kafka: tcp(9092),
  mariadb: tcp(3306),
  memcached: tcp(11211),
  mongo: tcp(27017),
  mysql: tcp(3306),
  nats: tcp(4222),
  nginx: { port: 80, path: "/", certain: false },
  postgres: tcp(5432),
  prometheus: { port: 9090, path: "/-/ready", certain: true },
  rabbitmq: tcp(5672),
  redis: tcp(6379),
  valkey: tcp(6379),
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function awaitedEnds(service: unknown): string[] {
  const awaited = Object.entries(recordOf(recordOf(service).depends_on))
  return awaited.filter(([, how]) => recordOf(how).condition === "service_completed_successfully").map(([name]) => name)
}

/** `etcd0`, `etcd1` and `limiter-a`, `limiter-b`: names that differ in a number, or in a letter behind a separator. */
function groupsOf(names: readonly string[], taken: readonly string[]): Record<string, string[]> {
  const stems = Map.groupBy(names, (name) => /^(.+?)(?:[-_.]?\d+|[-_.][a-z])$/i.exec(name)?.[1] ?? "")
  stems.delete("")
  const groups = [...stems].filter(([, members]) => members.length > 1)
  return Object.fromEntries(groups.map(([stem, members]) => [taken.includes(stem) ? `${stem}-nodes` : stem, members]))
}

/** One look for all members where they are alike, else one for each. */
function together(each: string, members: readonly string[], lookAt: (name: string) => Asked | undefined): Look[] {
  const looks = members.flatMap((name) => {
    const look = lookAt(name)
    return look ? [{ each: name, ...look }] : []
  })
  const [first] = looks
  const alike =
    looks.length === members.length && looks.every(({ port, path }) => port === first?.port && path === first.path)
  return alike && first ? [{ ...first, each }] : looks
}

function lookOf(service: Record<string, unknown>): Asked | undefined {
  const ports = [...listOf(service.ports), ...listOf(service.expose)]
  return fromHealthCheck(service.healthcheck) ?? fromPorts(ports) ?? KNOWN_IMAGES[imageOf(service)]
}

/** "postgres" of "registry:5000/library/postgres:16@sha256:…" */
function imageOf({ image }: Record<string, unknown>): string {
  return String(image ?? "")
    .replace(/@.*$/, "")
    .replace(/:[^/]*$/, "")
    .replace(/^.*\//, "")
}

function hasTest(healthcheck: unknown): boolean {
  const { test, disable } = recordOf(healthcheck)
  return test !== undefined && disable !== true
}

/** `curl -f http://localhost:8080/health` */
function fromHealthCheck(healthcheck: unknown): Asked | undefined {
  if (!hasTest(healthcheck)) return undefined
  const { test } = recordOf(healthcheck)
  const text = Array.isArray(test) ? test.join(" ") : String(test)
  const found = /\bhttp:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d+))?([^\s"'|;)&>]*)/.exec(text)
  if (!found) return undefined
  const [, port = "80", path] = found
  // A variable of the container's means nothing outside of it.
  return /[^\w./?=,:@%~+-]/.test(path ?? "") ? undefined : { port: Number(port), path: path || "/", certain: true }
}

function fromPorts(ports: readonly unknown[]): Asked | undefined {
  for (const declared of ports) {
    const port = portInside(declared)
    if (port !== undefined) return { port, path: HTTP_PORTS.has(port) ? "/" : undefined, certain: false }
  }
  return undefined
}

/** The port inside of the container, of "127.0.0.1:8080:80/tcp" and the like; undefined for UDP, ranges and variables. */
function portInside(declared: unknown): number | undefined {
  const { target, protocol } = recordOf(declared)
  const text = target === undefined ? String(declared) : `${String(target)}/${String(protocol ?? "tcp")}`
  const [, port] = /(?:^|:)(\d+)(?:\/tcp)?$/.exec(text) ?? []
  return port === undefined ? undefined : Number(port)
}
