import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { packageManager } from "./package.json"

/**
 * `bun build.ts` builds dist/operator for this machine. `--all`, or the names of platforms, builds dist/operator-PLATFORM for
 * each of them, and dist/SHA256SUMS.
 */
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
  /** What is in its executables, beside the magic bytes, and in no other's. */
  loader?: string
}

const ELF = "7f454c46"
const MACH_O = "cffaedfe"

const PLATFORMS: Record<string, Platform> = {
  "linux-x64": { runtime: "@oven/bun-linux-x64", magic: { 0: ELF, 18: "3e00" }, loader: "ld-linux-x86-64" },
  "linux-x64-musl": { runtime: "@oven/bun-linux-x64-musl", magic: { 0: ELF, 18: "3e00" }, loader: "ld-musl-x86_64" },
  "linux-arm64": { runtime: "@oven/bun-linux-aarch64", magic: { 0: ELF, 18: "b700" }, loader: "ld-linux-aarch64" },
  "darwin-arm64": { runtime: "@oven/bun-darwin-aarch64", magic: { 0: MACH_O, 4: "0c000001" } },
  "darwin-x64": { runtime: "@oven/bun-darwin-x64", magic: { 0: MACH_O, 4: "07000001" } },
  "windows-x64": { runtime: "@oven/bun-windows-x64", magic: { 0: "4d5a" } },
}

/** An executable names its loader in its first segment. */
const HEAD_BYTES = 4_096

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  options: { all: { type: "boolean" }, outdir: { type: "string", default: join(ROOT, "dist") } },
  allowPositionals: true,
})
refuseOtherBun()
const unknown = positionals.find((name) => !PLATFORMS[name])
if (unknown !== undefined) fail(`there is no platform "${unknown}"; known: ${Object.keys(PLATFORMS).join(", ")}`)
mkdirSync(values.outdir, { recursive: true })
const names = values.all ? Object.keys(PLATFORMS) : positionals
if (names.length === 0) await compile("operator", [])
else await buildFor(names)

// internal

async function buildFor(names: string[]): Promise<void> {
  await Promise.all(names.map(fetchRuntime))
  const sums: string[] = []
  for (const name of names) {
    const executable = `operator-${name}${name.startsWith("windows") ? ".exe" : ""}`
    const runtime = join(runtimeFolder(name), runtimeFile(name))
    const file = await compile(executable, [`--target=bun-${name}`, `--compile-executable-path=${runtime}`])
    checkFormat(name, file)
    sums.push(`${new Bun.CryptoHasher("sha256").update(await Bun.file(file).bytes()).digest("hex")}  ${executable}\n`)
    console.log(`${executable}: ${Math.round(statSync(file).size / 1e6)} MB, ${started(name, file)}`)
  }
  writeFileSync(join(values.outdir, "SHA256SUMS"), sums.join(""))
}

/** Compiles beside its place and moves it there, so that nobody ever runs half an executable. Source maps are inside. */
async function compile(name: string, more: string[]): Promise<string> {
  const work = mkdtempSync(join(values.outdir, ".build-"))
  try {
    const out = join(work, name)
    await run(["build", "src/cli.ts", ...FLAGS, ...more, "--outfile", out], ROOT)
    renameSync(out, join(values.outdir, name))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return join(values.outdir, name)
}

/**
 * Installs Bun for another platform into node_modules/.cache, once. `bun build` would fetch it by itself, but from the public
 * registry whatever this machine's configuration says, and unchecked; `bun install` obeys it, and bun.lock holds the hash.
 */
async function fetchRuntime(name: string): Promise<void> {
  const { runtime } = PLATFORMS[name]!
  const folder = runtimeFolder(name)
  if (statSync(join(folder, runtimeFile(name)), { throwIfNoEntry: false })) return
  const lock = Bun.JSONC.parse(await Bun.file(join(ROOT, "bun.lock")).text()) as {
    workspaces: Record<string, unknown>
    packages: Record<string, unknown>
  }
  const project = { name: "runtime", dependencies: { [runtime]: Bun.version } }
  const locked = { ...lock, workspaces: { "": project }, packages: { [runtime]: lock.packages[runtime] } }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...project, private: true }))
  writeFileSync(join(folder, "bun.lock"), JSON.stringify(locked))
  await run(["install", "--frozen-lockfile", "--ignore-scripts", "--os=*", "--cpu=*", "--libc=*"], folder)
}

function runtimeFolder(name: string): string {
  return join(ROOT, "node_modules", ".cache", `bun-${Bun.version}-${name}`)
}

function runtimeFile(name: string): string {
  return join("node_modules", PLATFORMS[name]!.runtime, "bin", name.startsWith("windows") ? "bun.exe" : "bun")
}

async function run(words: string[], cwd: string): Promise<void> {
  const child = Bun.spawn([process.execPath, ...words], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) fail(`bun ${words[0]} failed in ${cwd}:\n${out}${err}`)
}

/** The executable is one for the platform whose name it bears. */
function checkFormat(name: string, file: string): void {
  const { magic, loader = "" } = PLATFORMS[name]!
  const head = Buffer.alloc(HEAD_BYTES)
  const fd = openSync(file, "r")
  readSync(fd, head)
  closeSync(fd)
  const fits = Object.entries(magic).every(([at, hex]) => head.subarray(Number(at)).toString("hex").startsWith(hex))
  if (!fits || !head.includes(loader)) fail(`${file} is no executable for ${name}`)
}

/** What it says of its version, where this machine can run it. */
function started(name: string, file: string): string {
  const [os, cpu] = name.split("-")
  if (os !== process.platform || cpu !== process.arch) return "not run: this machine is another platform"
  if (Bun.which(file) === null) return "not run: it may not be executed here"
  try {
    const { stdout, success } = Bun.spawnSync([file, "--version"])
    return success ? `runs: ${stdout.toString().trim()}` : fail(`${file} does not run`)
  } catch {
    // The file is there, so what is missing is the loader that it names.
    return `not run: this machine has no ${PLATFORMS[name]!.loader}`
  }
}

function refuseOtherBun(): void {
  const pinned = packageManager.replace("bun@", "")
  if (Bun.version !== pinned) fail(`this is Bun ${Bun.version}, and the build is made with ${pinned}`)
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
