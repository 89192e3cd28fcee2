import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { join, relative } from "node:path"
import { UsageError } from "../../../lib/errors.ts"
import { sha256 } from "../../../lib/ids.ts"
import type { ComposeBuild, ComposeFile } from "./compose-file.ts"
import { copyTree, filesBelow } from "./copy.ts"
import type { Engine } from "./engine.ts"
import { compileProgram, programHash, programOf } from "./program.ts"
import { buildImage, provideImage, pullImage } from "./provide.ts"

/**
 * The name of the image of each service that is built: the one that its file names, with a tag that follows from all that goes
 * into it. What has not changed is never built again, and two versions of a subject never meet.
 */
export async function builtImages(file: ComposeFile): Promise<Record<string, string>> {
  const services = Object.entries(file.services).filter(([, { build }]) => build !== undefined)
  const images = services.map(async ([service, { image, build }]) => {
    const name = (image ?? `${file.name.replace(/-[0-9a-f]{4}$/, "")}-${service}`).replace(/[:@][^/]*$/, "")
    return [service, `${name}:${await contextHash(build!)}`]
  })
  return Object.fromEntries(await Promise.all(images))
}

export interface ProvideOptions {
  /** A folder for what the Docker client cannot read where it is. */
  scratch: string
  /** The subject's folder is inside this executable. */
  embedded: boolean
  signal?: AbortSignal
}

/** Builds and pulls what the engine lacks of a file's images, and says so. */
export async function provideImages(
  engine: Engine,
  file: ComposeFile,
  built: Record<string, string>,
  options: ProvideOptions,
): Promise<void> {
  const wanted = new Map<string, ComposeBuild | undefined>()
  for (const [name, { image, build }] of Object.entries(file.services)) {
    const reference = built[name] ?? image
    if (reference === undefined) throw new UsageError(`the service ${name} has neither an image nor a build`)
    wanted.set(reference, build)
  }
  const { signal } = options
  for (const [image, how] of wanted) {
    const make = () => (how ? build(engine, image, how, options) : pullImage(image, signal))
    await provideImage(engine, image, { make, doing: how ? "building" : "pulling", signal })
  }
}

/** Where the image of each service has a volume, by `VOLUME` in its Dockerfile. The engine must have the images. */
export async function imageVolumes(
  engine: Engine,
  file: ComposeFile,
  built: Record<string, string>,
): Promise<Record<string, string[]>> {
  const asked = Object.entries(file.services).map(async ([service, { image }]) => {
    const found = await engine.request<Inspected>("GET", `/images/${built[service] ?? image}/json`)
    return [service, Object.keys(found?.Config?.Volumes ?? {})] as const
  })
  return Object.fromEntries(await Promise.all(asked))
}

// internal

interface Inspected {
  Config: { Volumes: Record<string, unknown> | null } | null
}

const TAG_DIGITS = 12

/** Of the files of a build's folder, their right to be run, and what else decides the image. */
async function contextHash(build: ComposeBuild): Promise<string> {
  const { context, dockerfile = "Dockerfile", dockerfile_inline, args, target } = build
  const files = [...filesBelow(context)].map(({ file, mode }) => [
    relative(context, file),
    (mode & 0o111) !== 0,
    sha256(readFileSync(file)),
  ])
  const program = programOf(build)
  const parts = [files, dockerfile, dockerfile_inline, args, target, ...(program ? [await programHash(program)] : [])]
  return sha256(JSON.stringify(parts)).slice(0, TAG_DIGITS)
}

async function build(
  engine: Engine,
  image: string,
  { context: given, dockerfile = "Dockerfile", dockerfile_inline: stdin, target, args = {} }: ComposeBuild,
  { scratch, embedded, signal }: ProvideOptions,
): Promise<void> {
  const program = programOf({ args })
  const copied = embedded || program !== undefined
  const context = copied ? join(scratch, "build") : given
  try {
    if (copied) {
      mkdirSync(context, { recursive: true })
      copyTree(given, context)
    }
    if (program !== undefined) await compileProgram(program, context, engine)
    const words = [
      ...["--file", stdin === undefined ? join(context, dockerfile) : "-"],
      ...(target === undefined ? [] : ["--target", target]),
      ...Object.entries(args).flatMap(([name, value]) => ["--build-arg", value === null ? name : `${name}=${value}`]),
      context,
    ]
    await buildImage(image, words, { signal, ...(stdin !== undefined && { stdin }) })
  } finally {
    if (copied) rmSync(context, { recursive: true, force: true })
  }
}
