import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Whereabouts } from "../../../lib/discovery.ts"
import { EnvironmentError, OperatorError } from "../../../lib/errors.ts"
import { openDocument, type YamlDocument } from "../../../lib/yaml-document.ts"
import type { Subject } from "../../subject.ts"
import { compose, composeEnvironment } from "./compose.ts"
import { complaint } from "./compose-complaint.ts"
import { hostPathProblems } from "./host-paths.ts"
import { refuseReadIn } from "./read-in.ts"
import { refusals } from "./refusals.ts"

/** What `docker compose config --format json` prints, as far as a lab reads it. Everything else goes through as it is. */
export interface ComposeFile {
  name: string
  services: Record<string, ComposeService>
  networks?: Record<string, ComposeNetwork | null>
  volumes?: Record<string, ComposeVolume | null>
  configs?: Record<string, ComposeText>
  secrets?: Record<string, ComposeText>
  [key: string]: unknown
}

export interface ComposeService {
  image?: string
  build?: ComposeBuild
  networks?: Record<string, Record<string, unknown> | null>
  network_mode?: string
  volumes?: ComposeMount[]
  configs?: { source: string; target?: string }[]
  tmpfs?: string | string[]
  labels?: Record<string, string>
  scale?: number
  deploy?: { replicas?: number; resources?: { limits?: Asked; reservations?: Asked & { devices?: unknown } } }
  mem_limit?: string
  mem_reservation?: string
  depends_on?: Record<string, { condition?: string }>
  healthcheck?: Record<string, unknown>
  pull_policy?: string
  [key: string]: unknown
}

export interface ComposeBuild {
  context: string
  dockerfile?: string
  dockerfile_inline?: string
  args?: Record<string, string | null>
  target?: string
  [key: string]: unknown
}

export interface ComposeMount {
  type: string
  source?: string
  target: string
  [key: string]: unknown
}

export interface ComposeNetwork {
  name?: string
  driver?: string
  external?: unknown
  internal?: boolean
  ipam?: Record<string, unknown>
  labels?: Record<string, string>
  [key: string]: unknown
}

export interface ComposeVolume {
  name?: string
  driver?: string
  driver_opts?: Record<string, string>
  external?: unknown
  labels?: Record<string, string>
  [key: string]: unknown
}

export interface ComposeText {
  file?: string
  external?: unknown
  [key: string]: unknown
}

interface Asked {
  memory?: string
}

/** The Compose file of a lab, in its folder: normalised, and the lab's own. */
export function composeFileOf(dir: string): string {
  return join(dir, "compose.json")
}

/** How many instances of a service its file asks for. */
export function instancesOf(service: ComposeService): number {
  return service.scale ?? service.deploy?.replicas ?? 1
}

/**
 * The subject's file as Compose understands it, for the project `id`: merges, defaults and variables resolved, its `x-operator`
 * block left out before, since that has dollars of its own. What Compose does not take, what a lab may not have and what is not
 * there is a FileError with the lines. Paths are absolute, below the subject's folder. They and all of `build` are as they are; in
 * every other text a dollar is doubled, as Compose reads it.
 */
export async function normalised(subject: SubjectFile, id: string, where: Whereabouts): Promise<ComposeFile> {
  const document = openDocument(subject.text, subject.file)
  // What is inside the executable brings nothing in from elsewhere, and has no place to ask for.
  if (!where.embedded) refuseReadIn(document, where.folder)
  const file = await config(document, subject, id, where.folder)
  const problems = [...refusals(file, where.folder), ...hostPathProblems(file, where)]
  if (problems.length > 0) throw document.error(problems)
  return file
}

type SubjectFile = Pick<Subject, "text" | "file">

// internal

const CONFIG_TIMEOUT_MS = 20_000

async function config(document: YamlDocument, subject: SubjectFile, id: string, folder: string): Promise<ComposeFile> {
  const words = ["--project-directory", folder, "-p", id, "-f", "-", "config", "--format", "json"]
  const { exit_code, stdout, said, timed_out } = await compose(words, {
    // That of a file inside the executable is no folder of this machine's.
    cwd: tmpdir(),
    env: composeEnvironment(),
    timeout_ms: CONFIG_TIMEOUT_MS,
    stdin: document.without("x-operator"),
  })
  if (timed_out)
    throw new EnvironmentError(`docker compose did not look through ${subject.file} within ${CONFIG_TIMEOUT_MS} ms`)
  if (exit_code !== 0) throw document.error([complaint(said)])
  try {
    return withPlainPaths(JSON.parse(stdout) as ComposeFile)
  } catch (error) {
    throw new OperatorError(`docker compose config printed no JSON for ${subject.file}`, { cause: error })
  }
}

/** Compose prints a dollar twice, for whoever lets it read again what it has printed. Paths and builds are read by us. */
function withPlainPaths(file: ComposeFile): ComposeFile {
  const plain = <T>(value: T) => JSON.parse(JSON.stringify(value).replaceAll("$$", "$")) as T
  for (const service of Object.values(file.services)) {
    if (service.build) service.build = plain(service.build)
    for (const mount of service.volumes ?? []) if (mount.type === "bind") mount.source = plain(mount.source ?? "")
  }
  for (const text of [...Object.values(file.configs ?? {}), ...Object.values(file.secrets ?? {})]) {
    if (text.file !== undefined) text.file = plain(text.file)
  }
  return file
}
