import { fields, flag, ignored, integer, listOf, mapOf, type Rule, shown, text } from "./fields.ts"
import { BINDS, MOUNTS, TARGET, TMPFS } from "./mounts.ts"
import { JOINED, NETWORK_MODE, NETWORKING } from "./networking.ts"

const words = listOf(text())
const count = integer(0)

/** What a container may use of the machine. These fields can also be changed while it runs. */
const RESOURCES: Record<string, Rule> = {
  CpuShares: count,
  CpuPeriod: count,
  CpuQuota: integer(-1),
  CpusetCpus: text(/^[0-9,-]*$/),
  CpusetMems: text(/^[0-9,-]*$/),
  NanoCpus: count,
  Memory: count,
  MemoryReservation: count,
  MemorySwap: integer(-1),
  MemorySwappiness: integer(-1, 100),
  PidsLimit: integer(-1),
  RestartPolicy: fields({ Name: text(/^(no|always|on-failure|unless-stopped)?$/), MaximumRetryCount: count }),
}

/** Capabilities that looking into one's own lab needs. NET_RAW and KILL belong to every container anyway. */
const CAPABILITIES = new Set(["NET_ADMIN", "NET_RAW", "SYS_PTRACE", "KILL"])

const capability: Rule = (value, at, { refuse }) => {
  const name = typeof value === "string" ? value.toUpperCase().replace(/^CAP_/, "") : ""
  return CAPABILITIES.has(name) ? name : refuse(`${at} must not have ${shown(value)}`)
}

/** A port of the kernel's choice on the loopback interface: a fixed one could take what belongs to others. */
const PORT_BINDINGS = mapOf(
  /^\d{1,5}(\/(tcp|udp))?$/,
  listOf(fields({ HostIp: text(/^127\.0\.0\.1$/), HostPort: text(/^0?$/) })),
)

const withLoopback: Rule = async (value, at, rebuilding) => {
  const made = (await PORT_BINDINGS(value, at, rebuilding)) as
    Record<string, ({ HostIp?: string } | undefined)[]> | undefined
  const open = Object.values(made ?? {})
    .flat()
    .some((binding) => binding?.HostIp === undefined)
  return open ? rebuilding.refuse(`${at} must be on 127.0.0.1`) : made
}

const HOST_CONFIG = fields({
  ...RESOURCES,
  NetworkMode: NETWORK_MODE,
  PidMode: (value, at, rebuilding) => (value === "" ? undefined : JOINED(value, at, rebuilding)),
  IpcMode: text(/^(none|private)?$/),
  CgroupnsMode: text(/^(private)?$/),
  Isolation: text(/^(default)?$/),
  CapAdd: listOf(capability),
  CapDrop: words,
  SecurityOpt: listOf(text(/^no-new-privileges([:=]true)?$/)),
  AutoRemove: flag,
  Init: flag,
  ReadonlyRootfs: flag,
  Binds: BINDS,
  Mounts: MOUNTS,
  Tmpfs: TMPFS,
  PortBindings: withLoopback,
  ExtraHosts: words,
  ShmSize: integer(0, 1024 ** 3),
  OomScoreAdj: integer(0, 1000),
  ConsoleSize: listOf(integer(0, 10_000)),
  Ulimits: listOf(fields({ Name: text(/^(core|memlock|nofile|nproc|stack)$/), Soft: integer(-1), Hard: integer(-1) })),
  LogConfig: fields({
    Type: text(/^(json-file|local)?$/),
    Config: fields({ "max-size": text(), "max-file": text(), compress: text() }),
  }),
})

/** What every command has, prepared or as the container's own. */
const COMMAND: Record<string, Rule> = {
  User: text(),
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  Tty: flag,
  Env: words,
  Cmd: command,
  WorkingDir: text(),
}

/** A new container. It is labelled as the lab's, so it dies with it. */
export const CONTAINER = fields({
  ...COMMAND,
  name: ignored, // Some clients repeat the query's name here; the engine does not read it.
  Hostname: text(),
  Domainname: text(),
  OpenStdin: flag,
  StdinOnce: flag,
  ArgsEscaped: flag,
  Entrypoint: command,
  NetworkDisabled: flag,
  MacAddress: text(/^[0-9a-fA-F:]{0,17}$/),
  StopSignal: text(/^[A-Z0-9+-]*$/),
  StopTimeout: integer(-1),
  Shell: words,
  Volumes: mapOf(TARGET, fields({})),
  ExposedPorts: mapOf(/^[\d-]{1,11}(\/(tcp|udp|sctp))?$/, fields({})),
  Healthcheck: fields({
    Test: words,
    Interval: count,
    Timeout: count,
    StartPeriod: count,
    StartInterval: count,
    Retries: count,
  }),
  Labels: (value, at, rebuilding) => rebuilding.about.labels(value, at, rebuilding),
  // The one thing that is answered as missing: clients take any 404 here for a missing image, and try to pull it.
  Image: async (value, at, { about, refuse }) => {
    const found = typeof value === "string" ? await about.own.image(value) : undefined
    return found ? value : refuse(`No such image: ${shown(value) || at}`, 404)
  },
  HostConfig: HOST_CONFIG,
  NetworkingConfig: NETWORKING,
})

/** New limits of a container. */
export const UPDATE = fields(RESOURCES)

/** A command in a container, with no more rights than the container's own. */
export const EXEC = fields({ ...COMMAND, Detach: flag, DetachKeys: text(), ConsoleSize: listOf(integer(0, 10_000)) })

export const EXEC_START = fields({ Detach: flag, Tty: flag, ConsoleSize: listOf(integer(0, 10_000)) })

/** A volume of the engine's own. Options could make it any directory of the host. */
export const VOLUME = fields({
  Name: (value, at, rebuilding) => (value === "" ? undefined : rebuilding.about.name(value, at, rebuilding)),
  Driver: text(/^(local)?$/),
  Labels: (value, at, rebuilding) => rebuilding.about.labels(value, at, rebuilding),
})

// internal

/** A list of words, or one text. */
function command(value: unknown, at: string, rebuilding: Parameters<Rule>[2]) {
  return typeof value === "string" ? value : words(value, at, rebuilding)
}
