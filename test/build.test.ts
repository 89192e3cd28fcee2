import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { version } from "../package.json"

/** A build takes half a second on an idle machine. */
setDefaultTimeout(60_000)

const ROOT = join(import.meta.dir, "..")

/** Platforms for which Bun is here already: nothing is fetched for a test. */
const OTHERS = ["linux-x64-musl", "darwin-arm64", "windows-x64"].filter((name) =>
  existsSync(join(ROOT, "node_modules", ".cache", `bun-${Bun.version}-${name}`, "node_modules")),
)
const ON_LINUX_X64 = process.platform === "linux" && process.arch === "x64"

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "operator-build-"))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function ran(command: string[], cwd: string, env: Record<string, string> = {}) {
  const child = Bun.spawn(command, {
    cwd,
    env: { PATH: Bun.env.PATH ?? "", HOME: dir, ...env },
    stdout: "pipe",
    stderr: "pipe",
  })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { stdout, stderr, exit_code: await child.exited }
}

const build = (...words: string[]) => ran([process.execPath, join(ROOT, "build.ts"), ...words], dir)

test("the binary alone, in an empty directory, has its subjects, variants and campaigns, and one's own shadow them", async () => {
  expect(await build("--outdir", "built")).toEqual({ stdout: "", stderr: "", exit_code: 0 })
  expect(readdirSync(join(dir, "built"))).toEqual(["operator"])
  const alone = join(dir, "alone")
  mkdirSync(alone)
  copyFileSync(join(dir, "built", "operator"), join(alone, "operator"))
  const plan = ["./operator", "campaign", "quickstart", "--dry-run", "--json"]
  const trials = async () => {
    const { stdout, stderr } = await ran(plan, alone, { OPERATOR_DB: join(dir, "plan.db") })
    expect(stderr).toBe("")
    return (JSON.parse(stdout) as { trials: unknown[] }).trials.length
  }
  expect(await trials()).toBe(24)
  expect(readdirSync(alone)).toEqual(["operator"])

  mkdirSync(join(alone, "campaigns"))
  const mine = "subjects: [ratelimiter]\nfaults: [none]\nvariants: [nobody]\n"
  writeFileSync(join(alone, "campaigns", "quickstart.yaml"), mine)
  expect(await trials()).toBe(1)
})

test("a platform that nobody knows is refused, and nothing is built", async () => {
  const { stderr, exit_code } = await build("--outdir", "refused", "linux-x86")
  expect(exit_code).toBe(1)
  expect(stderr).toStartWith('there is no platform "linux-x86"; known: linux-x64, ')
  expect(existsSync(join(dir, "refused"))).toBe(false)
})

test.skipIf(!ON_LINUX_X64)("a named platform gets an executable of its own, which runs where it can", async () => {
  const { stdout, exit_code } = await build("--outdir", "named", "linux-x64")
  expect(exit_code).toBe(0)
  expect(stdout).toMatch(new RegExp(`^operator-linux-x64: \\d+ MB, runs: ${version.replaceAll(".", "\\.")}\\n$`))
  const sum = new Bun.CryptoHasher("sha256")
    .update(readFileSync(join(dir, "named", "operator-linux-x64")))
    .digest("hex")
  expect(readFileSync(join(dir, "named", "SHA256SUMS"), "utf8")).toBe(`${sum}  operator-linux-x64\n`)
})

test.skipIf(OTHERS.length === 0)(
  "another platform is built for as well (left out where its Bun is not in the cache)",
  async () => {
    const [name = ""] = OTHERS
    const { stdout, stderr, exit_code } = await build("--outdir", "other", name)
    expect({ stderr, exit_code }).toEqual({ stderr: "", exit_code: 0 })
    expect(stdout).toContain(`operator-${name}`)
    expect(readFileSync(join(dir, "other", "SHA256SUMS"), "utf8")).toContain(`operator-${name}`)
  },
)
