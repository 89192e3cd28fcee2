import { IMAGE, type Ran, type ScopedLab, written } from "./scoped-lab.ts"

/**
 * One attempt to reach what is not the lab's. `refused` must fail; `blind` may succeed, and must show nothing that is foreign;
 * `idle` may succeed as well, and name what was asked for.
 */
export interface Escape {
  name: string
  kind: "refused" | "blind" | "idle"
  attempt: (at: ScopedLab) => Promise<Tried>
}

export interface Tried {
  refused: boolean
  /** How many answers came back; one request has one. */
  answers: number
  text: string
}

/** All attempts, in the order in which they are made. */
export function escapes(): Escape[] {
  return [...BY_CLIENT, ...RUNS, ...CREATES, ...BY_HAND, ...SMUGGLED]
}

/** A create by hand, complete but for what is tried. */
export function created(host: Record<string, unknown>, more: Record<string, unknown> = {}) {
  return { Image: IMAGE, Cmd: ["sleep", "60"], HostConfig: { NetworkMode: "none", ...host }, ...more }
}

// internal

/** A client shows its user the name that it could not find, and that is no news. */
const told = (text: string) => text.replaceAll(/No such (object|container): [\w.-]+/g, "No such thing")

const tried = ({ code, text }: Ran): Tried => ({ refused: code !== 0, answers: 1, text: told(text) })

function cli(name: string, words: (at: ScopedLab) => readonly string[], kind: Escape["kind"] = "refused"): Escape {
  return { name: `docker ${name}`, kind, attempt: async (at) => tried(await at.docker(...words(at))) }
}

function raw(
  name: string,
  pieces: (at: ScopedLab) => string | readonly string[],
  kind: Escape["kind"] = "refused",
): Escape {
  const attempt = async (at: ScopedLab) => {
    const text = await at.raw(pieces(at))
    return {
      refused: /^HTTP\/1\.1 4\d\d /.test(text),
      answers: (text.match(/HTTP\/1\.1 \d{3} /g) ?? []).length,
      text: told(text),
    }
  }
  return { name, kind, attempt }
}

const onForeign = ["logs", "stop", "kill", "restart", "pause", "top", "diff", "attach", "export", "wait", "port"]

/** The ordinary client, asking for what is foreign or what nobody may have. */
const BY_CLIENT: Escape[] = [
  ...onForeign.map((verb) => cli(`${verb} FOREIGN`, (at) => [verb, at.victim_name])),
  cli("start FOREIGN", (at) => ["start", at.victim_name]),
  cli("rm -f FOREIGN by name", (at) => ["rm", "-f", at.victim_name], "idle"),
  cli("rm -f FOREIGN by id", (at) => ["rm", "-f", at.victim], "idle"),
  cli("kill FOREIGN by the beginning of its id", (at) => ["kill", at.victim.slice(0, 12)]),
  cli("inspect FOREIGN by name", (at) => ["inspect", at.victim_name]),
  cli("inspect FOREIGN by id", (at) => ["inspect", at.victim]),
  cli("inspect FOREIGN by twelve digits", (at) => ["inspect", at.victim.slice(0, 12)]),
  cli("inspect FOREIGN by four digits", (at) => ["inspect", at.victim.slice(0, 4)]),
  cli("inspect HELPER", (at) => ["inspect", at.helper]),
  cli("exec HELPER", (at) => ["exec", at.helper, "true"]),
  cli("rm -f HELPER", (at) => ["rm", "-f", at.helper], "idle"),
  cli("exec FOREIGN", (at) => ["exec", at.victim_name, "cat", "/secret"]),
  cli("exec --privileged", (at) => ["exec", "--privileged", at.a, "true"]),
  cli("cp from FOREIGN", (at) => ["cp", `${at.victim_name}:/secret`, "-"]),
  cli("cp to FOREIGN", (at) => ["cp", `${at.folder}/compose.yaml`, `${at.victim_name}:/`]),
  cli("rename FOREIGN", (at) => ["rename", at.victim_name, `${at.lab}-mine`]),
  cli("rename to a foreign name", (at) => ["rename", at.a, `${at.foreign}-mine`]),
  cli("update FOREIGN", (at) => ["update", "--cpus", "0.1", at.victim_name]),
  cli("stats FOREIGN", (at) => ["stats", "--no-stream", at.victim_name]),
  cli("commit FOREIGN", (at) => ["commit", at.victim_name, `${at.lab}-loot`]),
  cli("commit", (at) => ["commit", at.a, `${at.lab}-image`]),
  cli("export", (at) => ["export", at.a]),
  cli("top with options that show the host", (at) => ["top", at.a, "-oetimes=PID", "-oargs"]),
  cli("ps -a", () => ["ps", "-a", "--no-trunc"], "blind"),
  cli("ps of another label", (at) => ["ps", "-a", "--no-trunc", "--filter", `label=lab=${at.foreign}`], "blind"),
  cli("ps by a foreign id", (at) => ["ps", "-a", "--no-trunc", "--filter", `id=${at.victim.slice(0, 12)}`], "blind"),
  cli("ps by a foreign name", (at) => ["ps", "-aq", "--no-trunc", "--filter", `name=${at.victim_name}`], "blind"),
  cli("ps by a foreign network", (at) => ["ps", "-aq", "--no-trunc", "--filter", `network=${at.foreign}_net`], "blind"),
  cli("ps by a foreign volume", (at) => ["ps", "-aq", "--no-trunc", "--filter", `volume=${at.foreign}_data`], "blind"),
  cli("ps before FOREIGN", (at) => ["ps", "-a", "--filter", `before=${at.victim}`]),
  cli("ps since HELPER", (at) => ["ps", "-a", "--filter", `since=${at.helper}`]),
  cli("info", () => ["info"], "blind"),
  cli(
    "events of another label",
    (at) => ["events", "--since", "0", "--until", "9", "--filter", `label=lab=${at.foreign}`],
    "blind",
  ),
  cli(
    "events of FOREIGN",
    (at) => ["events", "--since", "1h", "--until", "0s", "--filter", `container=${at.victim}`],
    "blind",
  ),
  cli("events", () => ["events", "--since", "1h", "--until", "0s"], "blind"),
  cli("network ls", () => ["network", "ls", "--no-trunc"], "blind"),
  cli("network inspect FOREIGN", (at) => ["network", "inspect", `${at.foreign}_net`]),
  cli("network inspect bridge", () => ["network", "inspect", "bridge"]),
  cli("network inspect of one's own", (at) => ["network", "inspect", "-v", at.network], "blind"),
  cli("network rm FOREIGN", (at) => ["network", "rm", `${at.foreign}_net`]),
  cli("network connect to FOREIGN", (at) => ["network", "connect", `${at.foreign}_net`, at.a]),
  cli("network connect to bridge", (at) => ["network", "connect", "bridge", at.a]),
  cli("network connect of FOREIGN", (at) => ["network", "connect", at.network, at.victim_name]),
  cli("network connect of HELPER", (at) => ["network", "connect", at.network, at.helper]),
  cli("network disconnect of FOREIGN", (at) => ["network", "disconnect", "-f", `${at.foreign}_net`, at.victim_name]),
  cli("network connect --link", (at) => ["network", "connect", "--link", at.victim_name, at.network, at.b]),
  cli("network create of a foreign name", (at) => ["network", "create", `${at.foreign}_net`]),
  cli("network create macvlan", (at) => ["network", "create", "-d", "macvlan", `${at.lab}_x`]),
  cli("network create with a driver's options", (at) => [
    "network",
    "create",
    "-o",
    "com.docker.network.bridge.name=br-escaped",
    `${at.lab}_x`,
  ]),
  cli("network create on a subnet of choice", (at) => [
    "network",
    "create",
    "--subnet",
    "10.99.77.0/24",
    `${at.lab}_x`,
  ]),
  cli("network create --ingress", (at) => ["network", "create", "--ingress", `${at.lab}_x`]),
  cli("network create --config-only", (at) => ["network", "create", "--config-only", `${at.lab}_x`]),
  cli("network create --ipam-opt", (at) => ["network", "create", "--ipam-opt", "a=b", `${at.lab}_x`]),
  cli("network create for another project", (at) => [
    "network",
    "create",
    "--label",
    `com.docker.compose.project=${at.foreign}`,
    `${at.lab}_x`,
  ]),
  cli("network prune", () => ["network", "prune", "-f"]),
  cli("volume ls", () => ["volume", "ls"], "blind"),
  cli("volume inspect FOREIGN", (at) => ["volume", "inspect", `${at.foreign}_data`]),
  cli("volume rm FOREIGN", (at) => ["volume", "rm", "-f", `${at.foreign}_data`]),
  cli("volume create that is a directory of the host", (at) => [
    ...["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/", `${at.lab}_root`],
  ]),
  cli("volume create with another driver", (at) => ["volume", "create", "-d", "vieux/sshfs", `${at.lab}_x`]),
  cli("volume create of a foreign name", (at) => ["volume", "create", `${at.foreign}_new`]),
  cli("volume create marked as hidden", (at) => ["volume", "create", "--label", "lab.hidden=1", `${at.lab}_x`]),
  cli("volume prune", () => ["volume", "prune", "-f"]),
  cli("container prune", () => ["container", "prune", "-f"]),
  cli("image prune", () => ["image", "prune", "-af"]),
  cli("system prune", () => ["system", "prune", "-af", "--volumes"]),
  cli("system df", () => ["system", "df", "-v"]),
  cli("images", () => ["images", "-a", "--no-trunc"], "blind"),
  cli("image inspect FOREIGN", (at) => ["image", "inspect", `${at.foreign}-image:1`]),
  cli("image history", () => ["history", IMAGE]),
  cli("image save", (at) => ["save", IMAGE, "-o", `${at.folder}/saved`]),
  cli("image tag", (at) => ["tag", IMAGE, `${at.lab}-tagged`]),
  cli("rmi FOREIGN", (at) => ["rmi", "-f", `${at.foreign}-image:1`]),
  cli("rmi", () => ["rmi", IMAGE]),
  cli("pull", () => ["pull", "scratch-image-of-nobody"]),
  cli("push", () => ["push", IMAGE]),
  cli("import", (at) => ["import", `${at.folder}/compose.yaml`, `${at.lab}-imported`]),
  cli("load", (at) => ["load", "-i", `${at.folder}/compose.yaml`]),
  cli("build", (at) => ["build", "-t", `${at.lab}-built`, "-f", `${at.folder}/compose.yaml`, `${at.folder}/conf`]),
  cli("plugin ls", () => ["plugin", "ls"]),
  cli("plugin install", () => ["plugin", "install", "--grant-all-permissions", "vieux/sshfs"]),
  cli("swarm init", () => ["swarm", "init", "--advertise-addr", "127.0.0.1"]),
  cli("secret ls", () => ["secret", "ls"]),
  cli("service create", () => ["service", "create", IMAGE]),
  cli("compose -p FOREIGN ps", (at) => ["compose", "-p", at.foreign, "ps", "-a", "--format", "{{.ID}}"], "blind"),
  cli("compose -p FOREIGN logs", (at) => ["compose", "-p", at.foreign, "logs"], "blind"),
  cli("compose -p FOREIGN down", (at) => ["compose", "-p", at.foreign, "down", "-v", "-t", "0"], "idle"),
  cli("compose ls", () => ["compose", "ls", "-a"], "blind"),
  cli("compose -p FOREIGN up of one's own file", (at) => [
    "compose",
    "-p",
    at.foreign,
    "-f",
    `${at.folder}/compose.yaml`,
    "up",
    "-d",
  ]),
]

const RUN_OPTIONS: [string, (at: ScopedLab) => string[], network?: string][] = [
  ["--privileged", () => ["--privileged"]],
  ["-v /:/host", () => ["-v", "/:/host"]],
  ["-v /var/run/docker.sock", () => ["-v", "/var/run/docker.sock:/s"]],
  ["--mount bind", () => ["--mount", "type=bind,source=/,target=/host"]],
  ["with a declared mount, but writable", (at) => ["-v", `${at.folder}/conf:/conf`]],
  ["with a declared mount, elsewhere", (at) => ["-v", `${at.folder}/conf:/etc:ro`]],
  ["with the parent of a declared mount", (at) => ["-v", `${at.folder}/conf/..:/conf:ro`]],
  ["with a declared mount, shared", (at) => ["-v", `${at.folder}/conf:/conf:ro,shared`]],
  ["-v FOREIGN volume", (at) => ["-v", `${at.foreign}_data:/d`]],
  ["-v of a volume that is not there", (at) => ["-v", `${at.lab}_unmade:/d`]],
  [
    "--mount with a volume that is a host directory",
    (at) => [
      "--mount",
      `type=volume,source=${at.lab}_h,target=/h,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/`,
    ],
  ],
  [
    "--mount with a nameless volume of a driver",
    () => ["--mount", "type=volume,target=/h,volume-driver=local,volume-opt=device=/"],
  ],
  ["--volumes-from FOREIGN", (at) => ["--volumes-from", at.victim_name]],
  ["--volumes-from HELPER", (at) => ["--volumes-from", at.helper]],
  ["--volume-driver", () => ["--volume-driver", "local", "-v", "/anonymous"]],
  ["--tmpfs", () => ["--tmpfs", "/x"]],
  ["--tmpfs with odd options", () => ["--tmpfs", "/scratch:dev,suid"]],
  ["--device", () => ["--device", "/dev/mem"]],
  ["--device-cgroup-rule", () => ["--device-cgroup-rule", "a *:* rwm"]],
  ["--device-read-bps", () => ["--device-read-bps", "/dev/vda:1mb"]],
  ["--gpus", () => ["--gpus", "all"]],
  ["--runtime", () => ["--runtime", "runc"]],
  ["--cgroup-parent", () => ["--cgroup-parent", "/"]],
  ["--cgroupns host", () => ["--cgroupns", "host"]],
  ["--userns host", () => ["--userns", "host"]],
  ["--ipc host", () => ["--ipc", "host"]],
  ["--ipc container:FOREIGN", (at) => ["--ipc", `container:${at.victim_name}`]],
  ["--uts host", () => ["--uts", "host"]],
  ["--pid host", () => ["--pid", "host"]],
  ["--pid container:FOREIGN", (at) => ["--pid", `container:${at.victim_name}`]],
  ["--pid container:HELPER", (at) => ["--pid", `container:${at.helper}`]],
  ["--network host", () => [], "host"],
  ["--network bridge", () => [], "bridge"],
  ["on the usual network", () => [], "default"],
  ["--network FOREIGN", () => [], "FOREIGN"],
  ["--network container:FOREIGN", () => [], "container:FOREIGN"],
  ["--cap-add ALL", () => ["--cap-add", "ALL"]],
  ["--cap-add SYS_ADMIN", () => ["--cap-add", "SYS_ADMIN"]],
  ["--cap-add sys_module", () => ["--cap-add", "sys_module"]],
  ["--security-opt seccomp=unconfined", () => ["--security-opt", "seccomp=unconfined"]],
  ["--security-opt apparmor=unconfined", () => ["--security-opt", "apparmor=unconfined"]],
  ["--security-opt label=disable", () => ["--security-opt", "label=disable"]],
  ["--sysctl", () => ["--sysctl", "net.ipv4.ip_forward=1"]],
  ["--storage-opt", () => ["--storage-opt", "size=1G"]],
  ["--group-add", () => ["--group-add", "docker"]],
  ["--dns", () => ["--dns", "192.0.2.1"]],
  ["--log-driver", () => ["--log-driver", "syslog", "--log-opt", "syslog-address=udp://192.0.2.1:514"]],
  ["--log-opt of the usual driver", () => ["--log-opt", "env=HELD"]],
  ["--oom-score-adj", () => ["--oom-score-adj", "-1000"]],
  ["--oom-kill-disable", () => ["--oom-kill-disable", "-m", "100m"]],
  ["-p of a fixed port", () => ["-p", "127.0.0.1:45999:80"]],
  ["-p on all interfaces", () => ["-p", "80"]],
  ["-P", () => ["-P", "--expose", "80"]],
  ["--link FOREIGN", (at) => ["--link", at.victim_name]],
  ["--label of another project", (at) => ["--label", `com.docker.compose.project=${at.foreign}`]],
  ["--label that hides", () => ["--label", "lab.hidden=1"]],
  ["--name of another lab", (at) => ["--name", `${at.foreign}-new`]],
  ["--name like the beginning of a foreign id", (at) => ["--name", at.victim.slice(0, 12)]],
]

const RUNS: Escape[] = [
  ...RUN_OPTIONS.map(([name, options, network = "none"]) =>
    cli(`run ${name}`, (at) => {
      const named = network === "FOREIGN" ? `${at.foreign}_net` : network.replace("FOREIGN", at.victim_name)
      return ["run", "-d", "--network", named, ...options(at), IMAGE, "sleep", "60"]
    }),
  ),
  cli("run of a foreign image", (at) => ["run", "-d", "--network", "none", `${at.foreign}-image:1`, "sleep", "60"]),
]

const create = (name: string, body: (at: ScopedLab) => unknown, query = "") =>
  raw(`create ${name}`, (at) => written("POST", `/v1.41/containers/create${query}`, body(at)))

/** What a client would not send: other case, two of a kind, values of other types. */
const CREATES: Escape[] = [
  create("with keys in lower case", () => created({}, { hostconfig: { privileged: true, binds: ["/:/h"] } })),
  create("with keys in capitals beside clean ones", () => created({ PRIVILEGED: true, BINDS: ["/:/h"] })),
  create(
    "with the same key twice",
    () => `{"Image":"${IMAGE}","HostConfig":{"NetworkMode":"none"},"HostConfig":{"Privileged":true}}`,
  ),
  create(
    "with a second, differently written HostConfig",
    () => `{"Image":"${IMAGE}","HostConfig":{"NetworkMode":"none"},"HOSTCONFIG":{"PidMode":"host"}}`,
  ),
  create(
    "with an escaped key",
    () => `{"Image":"${IMAGE}","HostConfig":{"NetworkMode":"none","Privil\\u0065ged":true}}`,
  ),
  create(
    "with a letter that folds to k",
    () => `{"Image":"${IMAGE}","HostConfig":{"NetworkMode":"none","Lin\u212as":["x"]}}`,
  ),
  create(
    "with __proto__",
    () => `{"Image":"${IMAGE}","HostConfig":{"NetworkMode":"none","__proto__":{"Privileged":true}}}`,
  ),
  create("without a HostConfig", () => ({ Image: IMAGE, Cmd: ["sleep", "60"] })),
  create("without a network mode", () => ({ ...created({}), HostConfig: {} })),
  create("with a network mode in capitals", () => created({ NetworkMode: "HOST" })),
  create("with a foreign network beside none", (at) =>
    created({}, { NetworkingConfig: { EndpointsConfig: { [`${at.foreign}_net`]: {} } } }),
  ),
  create("with links on its own network", (at) =>
    created(
      { NetworkMode: at.network },
      { NetworkingConfig: { EndpointsConfig: { [at.network]: { Links: [at.victim_name] } } } },
    ),
  ),
  create("with a driver's options for an endpoint", (at) =>
    created(
      { NetworkMode: at.network },
      { NetworkingConfig: { EndpointsConfig: { [at.network]: { DriverOpts: { a: "b" } } } } },
    ),
  ),
  create("with a bind as a volume", () => created({}, { Volumes: { "/:/host": {} } })),
  create("with an unmasked /proc", () => created({ MaskedPaths: ["/none"], ReadonlyPaths: ["/none"] })),
  create("with a hook of the engine", () => created({ ContainerIDFile: "/etc/cron.d/x" })),
  create("with an old capability field", () => created({ Capabilities: ["CAP_SYS_ADMIN"] })),
  create("with device requests", () => created({ DeviceRequests: [{ Driver: "nvidia", Count: -1 }] })),
  create("with annotations", () => created({ Annotations: { a: "b" } })),
  create("with Cgroup", (at) => created({ Cgroup: `container:${at.victim}` })),
  create("with a mount of an unknown type", () => created({ Mounts: [{ Type: "BIND", Source: "/", Target: "/h" }] })),
  create("with a mount whose volume is a path", () =>
    created({ Mounts: [{ Type: "volume", Source: "/", Target: "/h" }] }),
  ),
  create("with a mount that propagates", (at) =>
    created({
      Mounts: [
        {
          Type: "bind",
          Source: `${at.folder}/conf`,
          Target: "/conf",
          ReadOnly: true,
          BindOptions: { Propagation: "rshared" },
        },
      ],
    }),
  ),
  create("with a bind of odd form", (at) => created({ Binds: [`${at.folder}/conf:/conf:ro:rw`] })),
  create("with a bind that is not a text", () => created({ Binds: [{ toString: "/:/h" }] })),
  create("with a privilege as a text", () => created({ Privileged: "true" })),
  create(
    "with numbers that overflow",
    () => `{"Image":"${IMAGE}","HostConfig":{"NetworkMode":"none","OomScoreAdj":-1e3}}`,
  ),
  create("with a build hook", () => created({}, { OnBuild: ["RUN true"] })),
  create(
    "with a name in the body and a foreign one in the query",
    (at) => created({}, { name: `${at.lab}-x` }),
    "?name=foreign-name",
  ),
  create("with an image by a path", () => created({}, { Image: "../../etc" })),
  create("that is a list", () => [created({ Privileged: true })]),
  create("that is nested without end", () => `{"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
  create("that is not JSON", () => "{not json"),
  create("with a second document", () => `${JSON.stringify(created({}))}{"HostConfig":{"Privileged":true}}`),
]

const get = (name: string, path: (at: ScopedLab) => string, kind?: Escape["kind"]) =>
  raw(`GET ${name}`, (at) => written("GET", path(at)), kind)
const post = (
  name: string,
  path: (at: ScopedLab) => string,
  body?: (at: ScopedLab) => unknown,
  headers: string[] = [],
) => raw(`POST ${name}`, (at) => written("POST", path(at), body?.(at), headers))

/** Paths, parameters and bodies by hand. */
const BY_HAND: Escape[] = [
  get("with %2F in the path", (at) => `/containers/${at.victim_name}%2fjson`),
  get("with an encoded name", (at) => `/containers/%73cope/json?x=${at.mark}`),
  get("with ..", (at) => `/containers/${at.a}/../${at.victim_name}/json`),
  get("with //", (at) => `//containers/${at.victim_name}/json`),
  get("with an encoded ..", (at) => `/containers/${at.a}/%2e%2e/${at.victim_name}/json`),
  get("with a slash in front of the name", (at) => `/containers//${at.victim_name}/json`),
  get("with a slash at the end", () => "/containers/json/"),
  get("of an absolute address", () => "http://docker/containers/json"),
  get("with two versions", () => "/v1.41/v1.41/containers/json"),
  get("with an old version", () => "/v1.18/containers/json?all=1"),
  get("with a version of odd form", () => "/v1.41.0/containers/json"),
  get("with a version that is too new", (at) => `/v1.99/containers/${at.victim_name}/json`),
  get("with a version, of a foreign container", (at) => `/v1.24/containers/${at.victim_name}/json`),
  get("of archive of a foreign container", (at) => `/containers/${at.victim}/archive?path=/secret`),
  get("of attach/ws", (at) => `/containers/${at.a}/attach/ws?stream=1&stdin=1`),
  get("of checkpoints", (at) => `/containers/${at.a}/checkpoints?dir=/`),
  get("of all containers, with the filter twice", () => "/containers/json?filters=%7B%7D&filters=%7B%7D"),
  get("of all containers, with another filter key", () => "/containers/json?filters=%7B%22LABEL%22%3A%5B%22x%22%5D%7D"),
  get("of all containers, with a filter that is no object", () => "/containers/json?filters=%5B%5D"),
  get("of all containers, with a semicolon", () => "/containers/json?all=1;filters=%7B%7D"),
  get(
    "of all containers, with the filter in the old form",
    (at) => `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ label: [`lab=${at.foreign}`] }))}`,
    "blind",
  ),
  get(
    "of all containers, with a label that must not be",
    (at) =>
      `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ label: { [`lab=${at.lab}`]: false } }))}`,
    "blind",
  ),
  get("of all containers, with their sizes", () => "/containers/json?all=true&size=1&limit=100", "blind"),
  get("of an unknown parameter", () => "/containers/json?All=1"),
  get("of events since ever", () => "/events?since=0&until=1", "blind"),
  get("of info", () => "/info", "blind"),
  get("of networks, verbosely", (at) => `/networks/${at.network}?verbose=true`, "blind"),
  get("of /system/df", () => "/system/df"),
  get("of /distribution", () => `/distribution/${IMAGE}/json`),
  get("of /images/get", () => `/images/get?names=${IMAGE}`),
  get("of debug/pprof", () => "/debug/pprof/heap"),
  get("of swarm", () => "/swarm"),
  get("of nodes", () => "/nodes"),
  get("of a foreign exec", () => `/exec/${"a".repeat(64)}/json`),
  post("kill of a foreign container in chunks", (at) => `/containers/${at.victim_name}/kill`),
  post(
    "restart of a foreign container, by its id in capitals",
    (at) => `/containers/${at.victim.toUpperCase()}/restart`,
  ),
  post(
    "start with a HostConfig",
    (at) => `/containers/${at.b}/start`,
    () => ({ Privileged: true, Binds: ["/:/h"] }),
  ),
  post("start from a checkpoint of the host", (at) => `/containers/${at.b}/start?checkpoint=x&checkpoint-dir=/etc`),
  post(
    "update with device requests",
    (at) => `/containers/${at.a}/update`,
    () => ({ DeviceRequests: [{ Count: -1 }] }),
  ),
  post(
    "update with devices",
    (at) => `/containers/${at.a}/update`,
    () => ({ Devices: [{ PathOnHost: "/dev/mem" }] }),
  ),
  post(
    "update of the cgroup's parent",
    (at) => `/containers/${at.a}/update`,
    () => ({ CgroupParent: "/" }),
  ),
  post(
    "update in lower case",
    (at) => `/containers/${at.a}/update`,
    () => ({ memory: 8_000_000 }),
  ),
  post(
    "exec in lower case",
    (at) => `/containers/${at.a}/exec`,
    () => ({ Cmd: ["true"], privileged: true }),
  ),
  post(
    "exec in a foreign container",
    (at) => `/containers/${at.victim}/exec`,
    () => ({ Cmd: ["true"] }),
  ),
  post(
    "exec start of another's",
    () => `/exec/${"0".repeat(64)}/start`,
    () => ({ Detach: true }),
  ),
  post(
    "rename by a form",
    (at) => `/containers/${at.a}/rename?name=${at.lab}-x`,
    () => "name=stolen",
    ["Content-Type: application/x-www-form-urlencoded"],
  ),
  post(
    "kill by a form",
    (at) => `/containers/${at.a}/kill?signal=CONT`,
    () => "signal=9",
    ["Content-Type: application/x-www-form-urlencoded; charset=x"],
  ),
  post(
    "by a form of many parts",
    (at) => `/containers/${at.a}/stop`,
    () => "x",
    ["Content-Type: multipart/form-data; boundary=x"],
  ),
  post("rename to two names", (at) => `/containers/${at.a}/rename?name=${at.lab}-x&name=stolen`),
  post(
    "connect of a foreign container",
    (at) => `/networks/${at.network}/connect`,
    (at) => ({ Container: at.victim }),
  ),
  post(
    "connect of two",
    (at) => `/networks/${at.network}/connect`,
    (at) => ({ Container: at.b, container: at.victim }),
  ),
  post(
    "connect with nobody",
    (at) => `/networks/${at.network}/connect`,
    () => ({}),
  ),
  post(
    "disconnect from a foreign network",
    (at) => `/networks/${at.foreign}_net/disconnect`,
    (at) => ({ Container: at.a, Force: true }),
  ),
  post(
    "volume with options in lower case",
    () => "/volumes/create",
    (at) => ({ Name: `${at.lab}_x`, driveropts: { device: "/", o: "bind", type: "none" } }),
  ),
  post(
    "network with options in lower case",
    () => "/networks/create",
    (at) => ({ Name: `${at.lab}_x`, options: { a: "b" } }),
  ),
  post(
    "network from another's configuration",
    () => "/networks/create",
    (at) => ({ Name: `${at.lab}_x`, ConfigFrom: { Network: `${at.foreign}_net` } }),
  ),
  post("build from afar", () => "/build?remote=https://example.invalid/x.git"),
  post("build with a session", () => "/session", undefined, ["Connection: Upgrade", "Upgrade: h2c"]),
  post("grpc", () => "/grpc", undefined, ["Connection: Upgrade", "Upgrade: h2c"]),
  post(
    "auth",
    () => "/auth",
    () => ({ username: "a", password: "b", serveraddress: "192.0.2.1" }),
  ),
  post("images/create", () => `/images/create?fromImage=scratch&tag=1`),
  post(
    "images/load",
    () => "/images/load",
    () => "x",
    ["Content-Type: application/x-tar"],
  ),
  post("commit", (at) => `/commit?container=${at.victim}`),
  post("containers/prune", () => "/containers/prune"),
  post("plugins/pull", () => "/plugins/pull?remote=x&name=x"),
  post(
    "swarm/init",
    () => "/swarm/init",
    () => ({ ListenAddr: "127.0.0.1" }),
  ),
  raw("PUT archive to a foreign container", (at) =>
    written("PUT", `/containers/${at.victim}/archive?path=/`, "x", ["Content-Type: application/x-tar"]),
  ),
  raw("HEAD archive of a foreign container", (at) => written("HEAD", `/containers/${at.victim}/archive?path=/secret`)),
  raw("DELETE with links", (at) => written("DELETE", `/containers/${at.a}?link=1`)),
  raw("DELETE of a foreign volume", (at) => written("DELETE", `/volumes/${at.foreign}_data?force=1`)),
  raw("DELETE of a foreign image", (at) => written("DELETE", `/images/${at.foreign}-image:1?force=1`)),
  raw("PATCH", (at) => `PATCH /containers/${at.a} HTTP/1.1\r\nHost: d\r\n\r\n`),
  raw("a method in lower case", (at) => `delete /containers/${at.victim} HTTP/1.1\r\nHost: d\r\n\r\n`),
]

/** The second request that must never be heard. */
const second = (at: ScopedLab) => `GET /containers/${at.victim}/json HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n`
const killed = (at: ScopedLab) => `POST /containers/${at.victim}/kill HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n`

/** A request within a request, and heads that two parsers read differently. */
const SMUGGLED: Escape[] = [
  raw("two requests in a row", (at) => [written("GET", "/_ping"), second(at)], "blind"),
  raw("a kill behind a ping, in one piece", (at) => written("GET", "/_ping") + killed(at), "blind"),
  raw(
    "a request behind an upgrade of a list",
    (at) => written("GET", "/containers/json", undefined, ["Connection: Upgrade", "Upgrade: tcp"]) + second(at),
  ),
  raw("a request behind an upgrade of a ping", (at) => [
    written("GET", "/_ping", undefined, ["Connection: Upgrade", "Upgrade: tcp"]),
    killed(at),
  ]),
  raw(
    "a request behind an upgrade to h2c",
    (at) =>
      written("GET", "/version", undefined, [
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
      ]) + second(at),
  ),
  {
    name: "a request behind the start of a detached command that wants an upgrade",
    kind: "blind",
    attempt: async (at) => {
      const made = await at.raw(written("POST", `/containers/${at.a}/exec`, { Cmd: ["true"] }))
      const { Id } = JSON.parse(made.split("\r\n\r\n")[1]!)
      const start = written("POST", `/exec/${Id}/start`, { Detach: true }, ["Connection: Upgrade", "Upgrade: tcp"])
      const text = await at.raw([start, second(at), killed(at)])
      return { refused: false, answers: (text.match(/HTTP\/1\.1 \d{3} /g) ?? []).length, text }
    },
  },
  raw("a request behind an upgrade that the engine declines", (at) => {
    const attach = written("POST", `/containers/${at.a}/attach?logs=x&stream=x`, undefined, [
      "Connection: Upgrade",
      "Upgrade: tcp",
    ])
    return [attach.replace(at.a, `${at.lab}-none`), second(at)]
  }),
  raw("a request in the body of a ping", (at) => written("GET", "/_ping", second(at))),
  raw(
    "a request in chunks behind an archive",
    (at) => {
      return [
        "PUT /containers/" +
          at.a +
          "/archive?path=/tmp HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        killed(at),
        second(at),
      ]
    },
    "blind",
  ),
  raw(
    "a request behind an archive of a length",
    (at) => `PUT /containers/${at.a}/archive?path=/tmp HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n${killed(at)}`,
    "blind",
  ),
  raw(
    "a length beside chunks",
    (at) =>
      `POST /containers/${at.a}/exec HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${killed(at)}`,
  ),
  raw(
    "two lengths",
    (at) =>
      `POST /containers/${at.a}/wait HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nContent-Length: 90\r\n\r\n${killed(at)}`,
  ),
  raw(
    "a length with a sign",
    (at) => `POST /containers/${at.a}/wait HTTP/1.1\r\nHost: d\r\nContent-Length: +0\r\n\r\n${killed(at)}`,
  ),
  raw(
    "a length in two words",
    (at) => `POST /containers/${at.a}/wait HTTP/1.1\r\nHost: d\r\nContent-Length: 0, 0\r\n\r\n${killed(at)}`,
  ),
  raw("a folded header", (at) => `GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\r\n Content-Length: 9\r\n\r\n${killed(at)}`),
  raw(
    "a space before the colon",
    (at) => `GET /_ping HTTP/1.1\r\nHost: d\r\nTransfer-Encoding : chunked\r\n\r\n${killed(at)}`,
  ),
  raw(
    "another encoding",
    (at) =>
      `PUT /containers/${at.a}/archive?path=/ HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${killed(at)}`,
  ),
  raw(
    "an encoding of odd form",
    (at) =>
      `PUT /containers/${at.a}/archive?path=/ HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: \x0bchunked\r\n\r\n${killed(at)}`,
  ),
  raw(
    "chunks with JSON",
    (at) =>
      `POST /containers/${at.a}/exec HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
  ),
  raw(
    "a bare line feed",
    (at) => `GET /_ping HTTP/1.1\nHost: d\n\nPOST /containers/${at.victim}/kill HTTP/1.1\r\nHost: d\r\n\r\n`,
  ),
  raw("a bare carriage return", (at) => `GET /_ping HTTP/1.1\rX: y\r\nHost: d\r\n\r\n${killed(at)}`),
  raw("a header without end", () => `GET /_ping HTTP/1.1\r\nX: ${"a".repeat(70_000)}`),
  raw("HTTP/1.0", (at) => `GET /containers/${at.victim}/json HTTP/1.0\r\nHost: d\r\n\r\n`),
  raw("HTTP/0.9", (at) => `GET /containers/${at.victim}/json\r\n\r\n`),
  raw(
    "a body that is too long",
    (at) => `POST /containers/${at.a}/exec HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999\r\n\r\n{`,
  ),
  raw(
    "trailers",
    (at) =>
      `PUT /containers/${at.a}/archive?path=/ HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\n\r\n`,
  ),
]
