import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { packageManager } from "./package.json"
import { PROGRAMS } from "./src/lab/platforms/programs.ts"

// `bun build.ts` builds dist/operator for this machine. `--all`, or the names of platforms, builds dist/operator-PLATFORM for
// each of them, and dist/SHA256SUMS.

const ROOT = import.meta.dir

/** Deaf to the `.env` and `bunfig.toml` of whatever folder it runs in: either could run code before ours. */
const FLAGS = [
  ...["--compile", "--minify", "--splitting", "--bytecode", "--format=esm", "--sourcemap=inline"],
  ...["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
  ...["compose", "variants", "campaigns"].flatMap((folder) => ["--asset", folder]),
]

interface Platform {
  /** The package in which Bun is published for it. */
  runtime: string
  /** How its executables begin: bytes by their offset, in hexadecimal. */
  magic: Record<number, string>
  /** What else is in the head of its executables, and not in that of its neighbours: the loader that it names. */
  head: string
}

const ELF = "7f454c46"
const MACH_O = "cffaedfe"

const PLATFORMS: Record<string, Platform> = {
  "linux-x64": { runtime: "@oven/bun-linux-x64", magic: { 0: ELF, 18: "3e00" }, head: "ld-linux-x86-64" },
  "linux-x64-musl": { runtime: "@oven/bun-linux-x64-musl", magic: { 0: ELF, 18: "3e00" }, head: "ld-musl-x86_64" },
  "linux-arm64": { runtime: "@oven/bun-linux-aarch64", magic: { 0: ELF, 18: "b700" }, head: "ld-linux-aarch64" },
  "darwin-arm64": { runtime: "@oven/bun-darwin-aarch64", magic: { 0: MACH_O, 4: "0c000001" }, head: "/usr/lib/dyld" },
  "darwin-x64": { runtime: "@oven/bun-darwin-x64", magic: { 0: MACH_O, 4: "07000001" }, head: "/usr/lib/dyld" },
  "windows-x64": { runtime: "@oven/bun-windows-x64", magic: { 0: "4d5a" }, head: "PE\0\0d\x86" },
}

/** As much of an executable as is looked at. */
const HEAD_BYTES = 4_096

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  options: { all: { type: "boolean" }, outdir: { type: "string", default: join(ROOT, "dist") } },
  allowPositionals: true,
})
const outdir = resolve(values.outdir)

try {
  await build(values.all ? Object.keys(PLATFORMS) : positionals)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

// internal

async function build(names: string[]): Promise<void> {
  const pinned = packageManager.replace("bun@", "")
  if (Bun.version !== pinned) throw new Error(`this is Bun ${Bun.version}: npx -y bun@${pinned} run build`)
  const unknown = names.find((name) => !PLATFORMS[name])
  if (unknown !== undefined)
    throw new Error(`there is no platform "${unknown}"; known: ${Object.keys(PLATFORMS).join(", ")}`)
  mkdirSync(outdir, { recursive: true })
  await (names.length === 0 ? compile("operator", []) : buildFor(names))
}

async function buildFor(names: string[]): Promise<void> {
  const runtimes = await Promise.all(names.map(runtimeFor))
  const sums: string[] = []
  for (const [i, name] of names.entries()) {
    const executable = `operator-${name}${name.startsWith("windows") ? ".exe" : ""}`
    const file = await compile(executable, [`--target=bun-${name}`, `--compile-executable-path=${runtimes[i]}`])
    if (!isFor(name, file)) throw new Error(`${file} is no executable for ${name}`)
    sums.push(`${new Bun.CryptoHasher("sha256").update(await Bun.file(file).bytes()).digest("hex")}  ${executable}\n`)
    console.log(`${executable}: ${Math.round(statSync(file).size / 1e6)} MB, ${started(name, file)}`)
  }
  writeFileSync(join(outdir, "SHA256SUMS"), sums.join(""))
}

/** Compiles beside its place and moves it there, so that nobody ever runs half an executable. Source maps are inside. */
async function compile(name: string, more: string[]): Promise<string> {
  const work = mkdtempSync(join(outdir, ".build-"))
  try {
    const out = join(work, name)
    const programs = join(work, "programs")
    // Each is inside as a source of its own, too, for images: see src/lab/platforms/docker/program.ts.
    for (const program of PROGRAMS) {
      const bundle = ["--target=bun", "--minify", "--outfile", join(programs, `${program}.js`)]
      await run(["build", `src/${program}/main.ts`, ...bundle], ROOT)
    }
    await run(["build", "src/cli.ts", ...FLAGS, "--asset", programs, ...more, "--outfile", out], ROOT)
    renameSync(out, join(outdir, name))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return join(outdir, name)
}

/**
 * Bun for a platform: this one, or else what is installed into node_modules/.cache, once. `bun build` would fetch it by itself,
 * but from the public registry whatever this machine's configuration says, and unchecked; `bun install` obeys it, and bun.lock
 * holds the hash.
 */
async function runtimeFor(name: string): Promise<string> {
  if (isFor(name, process.execPath)) return process.execPath
  const { runtime } = PLATFORMS[name]!
  const folder = join(ROOT, "node_modules", ".cache", `bun-${Bun.version}-${name}`)
  const file = join(folder, "node_modules", runtime, "bin", name.startsWith("windows") ? "bun.exe" : "bun")
  if (existsSync(file)) return file
  const lock = Bun.JSONC.parse(await Bun.file(join(ROOT, "bun.lock")).text()) as { packages: Record<string, unknown> }
  const project = { name: "runtime", dependencies: { [runtime]: Bun.version } }
  const locked = { ...lock, workspaces: { "": project }, packages: { [runtime]: lock.packages[runtime] } }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...project, private: true }))
  writeFileSync(join(folder, "bun.lock"), JSON.stringify(locked))
  await run(["install", "--frozen-lockfile", "--ignore-scripts", "--os=*", "--cpu=*", "--libc=*"], folder)
  return file
}

async function run(words: string[], cwd: string): Promise<void> {
  const child = Bun.spawn([process.execPath, ...words], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`bun ${words[0]} failed in ${cwd}:\n${out}${err}`)
}

/** Whether a file is an executable for a platform. */
function isFor(name: string, file: string): boolean {
  const { magic, head } = PLATFORMS[name]!
  const bytes = Buffer.alloc(HEAD_BYTES)
  const fd = openSync(file, "r")
  readSync(fd, bytes)
  closeSync(fd)
  const begins = Object.entries(magic).every(([at, hex]) => bytes.subarray(Number(at)).toString("hex").startsWith(hex))
  return begins && bytes.includes(head, 0, "latin1")
}

/** What it says of its version, where this machine can run it. */
function started(name: string, file: string): string {
  const [os, cpu] = name.split("-")
  if (os !== process.platform || cpu !== process.arch) return "not run: this machine is another platform"
  let ended: Bun.SyncSubprocess<"pipe", "pipe">
  try {
    ended = Bun.spawnSync([file, "--version"])
  } catch {
    // The file is there, so what is missing is the loader that it names.
    return `not run: this machine has no ${PLATFORMS[name]!.head}`
  }
  if (!ended.success) throw new Error(`${file} does not run: ${ended.stderr.toString()}`)
  return `runs: ${ended.stdout.toString().trim()}`
}
