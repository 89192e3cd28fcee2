import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { join, relative } from "node:path"
import { EnvironmentError, UsageError } from "../../../lib/errors.ts"
import { sha256 } from "../../../lib/ids.ts"
import { note } from "../../../lib/output.ts"
import { composeEnvironment, docker } from "./compose.ts"
import type { ComposeBuild, ComposeFile } from "./compose-file.ts"
import { copyTree, filesBelow } from "./copy.ts"
import type { Engine } from "./engine.ts"

/** An image of some packages takes a minute, and one that compiles something several. */
const BUILD_TIMEOUT_MS = 30 * 60_000
/** A large image over a slow line. */
const PULL_TIMEOUT_MS = 30 * 60_000

/**
 * The name of the image of each service that is built: the one that its file names, with a tag that follows from all that goes
 * into it. What has not changed is never built again, and two versions of a subject never meet.
 */
export function builtImages(file: ComposeFile): Record<string, string> {
  const services = Object.entries(file.services).filter(([, { build }]) => build !== undefined)
  return Object.fromEntries(
    services.map(([service, { image, build }]) => {
      const name = (image ?? `${file.name.replace(/-[0-9a-f]{4}$/, "")}-${service}`).replace(/[:@][^/]*$/, "")
      return [service, `${name}:${contextHash(build!)}`]
    }),
  )
}

/** Builds and pulls what the engine lacks of a file's images, and says so. `scratch` is a folder for what the client cannot read where it is. */
export async function provideImages(
  engine: Engine,
  file: ComposeFile,
  built: Record<string, string>,
  options: { scratch: string; embedded: boolean; signal?: AbortSignal },
): Promise<void> {
  const wanted = new Map<string, ComposeBuild | undefined>()
  for (const [name, { image, build }] of Object.entries(file.services)) {
    const reference = built[name] ?? image
    if (reference === undefined) throw new UsageError(`the service ${name} has neither an image nor a build`)
    wanted.set(reference, build)
  }
  for (const [image, build] of wanted) {
    if ((await engine.request("GET", `/images/${image}/json`)) !== undefined) continue
    await (build ? buildImage(image, build, options) : pullImage(image, options))
  }
}

// internal

const TAG_DIGITS = 12

/** Of the files of a build's folder, their right to be run, and what else decides the image. */
function contextHash({ context, dockerfile = "Dockerfile", dockerfile_inline, args, target }: ComposeBuild): string {
  const files = [...filesBelow(context)].map(({ file, mode }) => [
    relative(context, file),
    (mode & 0o111) !== 0,
    sha256(readFileSync(file)),
  ])
  return sha256(JSON.stringify([files, dockerfile, dockerfile_inline, args, target])).slice(0, TAG_DIGITS)
}

async function buildImage(
  image: string,
  build: ComposeBuild,
  { scratch, embedded, signal }: { scratch: string; embedded: boolean; signal?: AbortSignal },
): Promise<void> {
  const context = embedded ? join(scratch, "build") : build.context
  try {
    if (embedded) {
      mkdirSync(context, { recursive: true })
      copyTree(build.context, context)
    }
    note(`building the image ${image}, which this machine does not have yet`)
    const inline = build.dockerfile_inline
    const args = Object.entries(build.args ?? {}).flatMap(([name, value]) => [
      "--build-arg",
      value === null ? name : `${name}=${value}`,
    ])
    const words = [
      ...[
        "build",
        // A step that fails would leave its container behind.
        "--force-rm",
        "--quiet",
        "--tag",
        image,
        "--file",
        inline === undefined ? join(context, build.dockerfile ?? "Dockerfile") : "-",
      ],
      ...(build.target === undefined ? [] : ["--target", build.target]),
      ...args,
      context,
    ]
    await run(words, `the image ${image} could not be built`, BUILD_TIMEOUT_MS, {
      ...(signal && { signal }),
      ...(inline !== undefined && { stdin: inline }),
    })
  } finally {
    if (embedded) rmSync(context, { recursive: true, force: true })
  }
}

async function pullImage(image: string, { signal }: { signal?: AbortSignal }): Promise<void> {
  note(`pulling the image ${image}, which this machine does not have yet`)
  await run(
    ["pull", "--quiet", image],
    `the image ${image} cannot be pulled`,
    PULL_TIMEOUT_MS,
    signal ? { signal } : {},
  )
}

async function run(
  words: string[],
  failure: string,
  timeout_ms: number,
  more: { stdin?: string; signal?: AbortSignal },
): Promise<void> {
  const { exit_code, said, timed_out } = await docker(words, {
    cwd: process.cwd(),
    env: composeEnvironment(),
    timeout_ms,
    ...more,
  })
  if (exit_code === 0) return
  throw new EnvironmentError(`${failure}: ${timed_out ? `not within ${timeout_ms / 60_000} minutes` : said}`, {
    hint: `docker ${words[0]} says more`,
  })
}
