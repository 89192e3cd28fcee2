import { closeSync, openSync, readSync } from "node:fs"
import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { EnvironmentError } from "../../../lib/errors.ts"
import { sha256 } from "../../../lib/ids.ts"
import { runBounded } from "../../../lib/run.ts"
import { isProgram } from "../programs.ts"
import type { ComposeBuild } from "./compose-file.ts"
import type { Engine } from "./engine.ts"

/**
 * A program that ships with operator, as an executable of its own in an image: what runs in a lab can be read by an agent, so it
 * must hold nothing of operator's. Inside of operator is the program's source alone, bundled (50 kB); an executable would be 100 MB.
 * But operator was made by `bun build --compile`, so it is Bun itself, which BUN_BE_BUN=1 brings out: that compiles the source
 * wherever operator runs, from its own runtime, without a network. From operator's sources it is Bun that runs, and does the same.
 */

/** The build argument by which a Dockerfile asks for a program beside it. */
const ARGUMENT = "PROGRAM"

/** Takes a quarter of a second on an idle machine. */
const COMPILE_TIMEOUT_MS = 60_000
const SAID_BYTES = 16 * 1024

/** The shipped program that an image is built with. */
export function programOf({ args }: Pick<ComposeBuild, "args">): string | undefined {
  const name = args?.[ARGUMENT]
  return name && isProgram(name) ? name : undefined
}

/** Changes with whatever a program's executable is made of. */
export async function programHash(name: string): Promise<string> {
  return sha256(JSON.stringify([await bundled(name), Bun.version_with_sha, process.arch]))
}

/** Writes the program's executable into a folder, under its name. An EnvironmentError where it would not run in the engine's containers. */
export async function compileProgram(name: string, folder: string, engine: Engine): Promise<void> {
  const version = await engine.request<{ Os: string; Arch: string }>("GET", "/version")
  const unfit = whyUnfit({ ...process, executable: headOf(process.execPath) }, version ?? { Os: "?", Arch: "?" })
  if (unfit !== undefined) {
    throw new EnvironmentError(`the image of ${name} cannot be built here: ${unfit}`, {
      hint: "--platform process runs it without Docker, where its subject says how",
    })
  }
  const source = join(folder, `${name}.js`)
  await writeFile(source, await bundled(name))
  // Deaf to the `.env` and `bunfig.toml` of whatever folder it will run in.
  const flags = ["--compile", "--minify", "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"]
  const result = await runBounded([process.execPath, "build", ...flags, source, "--outfile", join(folder, name)], {
    cwd: folder,
    env: { BUN_BE_BUN: "1", PATH: Bun.env.PATH ?? "" },
    timeout_ms: COMPILE_TIMEOUT_MS,
    max_bytes: SAID_BYTES,
  })
  await rm(source)
  if (result.exit_code === 0) return
  const said = result.timed_out ? `not within ${COMPILE_TIMEOUT_MS / 1_000} s` : result.output.trim()
  throw new EnvironmentError(`${name} could not be compiled: ${said}`, {
    hint: `${folder} needs some 100 MB for a moment`,
  })
}

/** Why an executable that is made from this one's runtime would not run in a Debian container of the engine. */
export function whyUnfit(
  own: { platform: string; arch: string; executable: Buffer },
  engine: { Os: string; Arch: string },
): string | undefined {
  const machine = `${own.platform} ${own.arch}`
  const runtime = "the program's executable gets the runtime of this operator"
  if (own.platform !== "linux" || engine.Os !== "linux" || ARCHITECTURES[own.arch] !== engine.Arch) {
    return `${runtime}, which is for ${machine}, and the engine runs ${engine.Os} ${engine.Arch}`
  }
  if (own.executable.includes("ld-musl", 0, "latin1"))
    return `${runtime}, which needs musl, and the image has glibc: use operator-linux-${own.arch}`
  return undefined
}

// internal

/** What Node and Go, in which the engine is written, call the same. */
const ARCHITECTURES: Record<string, string> = { x64: "amd64", arm64: "arm64" }

/** Of an executable, as much as names its loader. */
const HEAD_BYTES = 4_096

function headOf(file: string): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES)
  const fd = openSync(file, "r")
  try {
    readSync(fd, bytes)
    return bytes
  } finally {
    closeSync(fd)
  }
}

/** The program's source in one file: `build.ts` has put it into the executable. */
async function bundled(name: string): Promise<string> {
  if (Bun.isStandaloneExecutable) return readFile(join(import.meta.dir, "programs", `${name}.js`), "utf8")
  const entry = join(import.meta.dir, "..", "..", "..", name, "main.ts")
  const { outputs } = await Bun.build({ entrypoints: [entry], target: "bun", minify: true })
  return outputs[0]!.text()
}
