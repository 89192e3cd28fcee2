import { relative } from "node:path"
import { isBelow } from "../../../lib/below.ts"
import type { YamlProblem } from "../../../lib/yaml-document.ts"
import { boundOf, HOW_TO_BOUND } from "./bounded-volume.ts"
import type { ComposeFile, ComposeMount, ComposeNetwork, ComposeService, ComposeVolume } from "./compose-file.ts"

/**
 * What a lab may not have, each at its place in the file: whatever reaches the host, another project, or a second lab of the same
 * subject. Of a service only keys that are known to stay inside are let through, so that a key of tomorrow is refused and not overlooked.
 */
export function* refusals(file: ComposeFile, folder: string): Generator<YamlProblem> {
  for (const [name, service] of Object.entries(file.services)) yield* ofService(["services", name], service, folder)
  for (const [name, network] of Object.entries(file.networks ?? {})) yield* ofNetwork(["networks", name], network ?? {})
  for (const [name, volume] of Object.entries(file.volumes ?? {})) yield* ofVolume(["volumes", name], volume ?? {})
  for (const kind of ["configs", "secrets"] as const) {
    for (const [name, text] of Object.entries(file[kind] ?? {})) {
      const path = [kind, name]
      if (text.external) yield { path: [...path, "external"], text: "a lab brings everything with it" }
      if (text.file !== undefined) yield* ofHostPath([...path, "file"], text.file, folder)
    }
  }
}

/** Capabilities with which a container gets out of itself (capabilities(7)). */
export const OUTBREAKS =
  /^(?:CAP_)?(?:ALL|SYS_ADMIN|SYS_MODULE|SYS_RAWIO|SYS_BOOT|SYS_TIME|MAC_ADMIN|MAC_OVERRIDE|DAC_READ_SEARCH|BPF|PERFMON|SYSLOG)$/i

// internal

type Path = YamlProblem["path"]

/** Keys of a service that need no look: they stay within its container, or are taken out. */
const HARMLESS = new Set(
  `annotations attach command container_name cpu_count cpu_percent cpu_period cpu_quota cpu_shares cpus cpuset depends_on
  cap_drop configs deploy develop dns dns_opt dns_search domainname entrypoint env_file environment expose extra_hosts group_add
  healthcheck hostname image init labels links logging mem_limit mem_reservation mem_swappiness memswap_limit oom_score_adj
  pids_limit platform ports profiles pull_policy read_only restart scale secrets shm_size stdin_open stop_grace_period stop_signal
  sysctls tmpfs tty ulimits user working_dir`.split(/\s+/),
)

const BUILD_KEYS = new Set([
  "context",
  "dockerfile",
  "dockerfile_inline",
  "args",
  "target",
  "labels",
  "tags",
  "platforms",
])

const NAMESPACES = ["network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup"]
const OWN_NAMESPACE = /^(?:none|private|shareable|service:.+|)$/

function* ofService(path: Path, service: ComposeService, folder: string): Generator<YamlProblem> {
  for (const [key, value] of Object.entries(service)) {
    if (HARMLESS.has(key) || key.startsWith("x-") || value === null || value === false) continue
    yield* ofKey([...path, key], key, value, folder)
  }
  if (service.deploy?.resources?.reservations?.devices !== undefined) {
    yield { path: [...path, "deploy", "resources", "reservations", "devices"], text: DEVICES }
  }
}

const DEVICES = "a lab may not use devices of this machine"

function* ofKey(path: Path, key: string, value: unknown, folder: string): Generator<YamlProblem> {
  if (key === "volumes") return yield* ofMounts(path, value as ComposeMount[], folder)
  if (key === "networks") return yield* ofAttachments(path, value as Record<string, Record<string, unknown> | null>)
  if (key === "build") return yield* ofBuild(path, value as Record<string, unknown>, folder)
  if (key === "cap_add")
    return yield* listed(path, value, OUTBREAKS, "a capability with which a container gets out of itself")
  if (key === "security_opt")
    return yield* listed(path, value, /^(?!no-new-privileges)/, "a lab may not loosen its confinement")
  if (key === "volumes_from") return yield* listed(path, value, /^container:/, "a container that is not of this lab")
  if (NAMESPACES.includes(key)) {
    if (OWN_NAMESPACE.test(String(value))) return
    return yield { path, text: `"${String(value)}" shares what is not the lab's own`, at: "value" }
  }
  if (key === "privileged") return yield { path, text: "a privileged service is as good as root on this machine" }
  if (key === "devices" || key === "device_cgroup_rules" || key === "gpus") return yield { path, text: DEVICES }
  yield { path, text: "a lab cannot have this: it is not known to stay within the lab", at: "key" }
}

function* listed(path: Path, value: unknown, pattern: RegExp, text: string): Generator<YamlProblem> {
  for (const [index, one] of (value as unknown[]).entries()) {
    if (pattern.test(String(one))) yield { path: [...path, index], text: `${String(one)}: ${text}` }
  }
}

/** "v:/data", of which Compose makes a volume without a name at this very path. */
const DRIVE = /^[A-Za-z]:/

function* ofMounts(path: Path, mounts: ComposeMount[], folder: string): Generator<YamlProblem> {
  for (const [index, { type, source = "", target }] of mounts.entries()) {
    if (type === "volume" && source === "" && DRIVE.test(target))
      yield {
        path: [...path, index],
        text: `Compose takes the one letter of ${target} for a drive: give the volume a longer name`,
      }
    if (type === "bind") yield* ofHostPath([...path, index], source, folder)
    else if (type !== "volume" && type !== "tmpfs")
      yield { path: [...path, index], text: `a lab has no mounts of type ${type}` }
  }
}

/** What is mounted is copied for each lab, so it must be a part of the subject. */
function* ofHostPath(path: Path, file: string, folder: string): Generator<YamlProblem> {
  if (isBelow(file, folder)) return
  yield { path, text: `${file} is not below the subject's own folder, and a lab reaches nothing else of this machine` }
}

function* ofAttachments(path: Path, networks: Record<string, Record<string, unknown> | null>): Generator<YamlProblem> {
  for (const [name, attachment] of Object.entries(networks)) {
    for (const key of ["ipv4_address", "ipv6_address", "mac_address", "link_local_ips"]) {
      if (attachment?.[key] === undefined) continue
      yield {
        path: [...path, name, key],
        text: "every lab has addresses of its own: use the name of the service",
        at: "key",
      }
    }
  }
}

function* ofBuild(path: Path, build: Record<string, unknown>, folder: string): Generator<YamlProblem> {
  for (const [key, value] of Object.entries(build)) {
    if (!BUILD_KEYS.has(key) && value !== null && value !== false)
      yield { path: [...path, key], text: "a lab cannot build with this", at: "key" }
  }
  const context = String(build.context)
  if (relative(folder, context) !== "") yield* ofHostPath([...path, "context"], context, folder)
}

function* ofNetwork(path: Path, network: ComposeNetwork): Generator<YamlProblem> {
  if (network.external) yield { path: [...path, "external"], text: "a lab has networks of its own alone" }
  if (network.driver !== undefined && network.driver !== "bridge")
    yield { path: [...path, "driver"], text: `a lab's networks are bridges, not ${network.driver}` }
  if (network.driver_opts !== undefined)
    yield { path: [...path, "driver_opts"], text: "a lab's networks take no options of a driver" }
}

function* ofVolume(path: Path, volume: ComposeVolume): Generator<YamlProblem> {
  if (volume.external) yield { path: [...path, "external"], text: "a lab has volumes of its own alone" }
  if (volume.driver !== undefined && volume.driver !== "local")
    yield { path: [...path, "driver"], text: `a lab's volumes are local, not ${volume.driver}` }
  if (volume.driver_opts !== undefined && boundOf(volume) === undefined)
    yield {
      path: [...path, "driver_opts"],
      text: `options of a volume's driver can reach this machine's own files; taken is ${HOW_TO_BOUND}`,
    }
}
