import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EnvironmentError } from "../../../lib/errors.ts"
import type { Engine } from "./engine.ts"
import { compileProgram, programHash, programOf, whyUnfit } from "./program.ts"

let dir: string
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "program-"))))
afterAll(() => rmSync(dir, { recursive: true }))

const engine = (Os: string, Arch: string) => ({ request: async () => ({ Os, Arch }) }) as unknown as Engine
const HERE = process.arch === "arm64" ? "arm64" : "amd64"

test.skipIf(process.platform !== "linux")(
  "a program becomes an executable of its own, which nobody needs Bun for",
  async () => {
    await compileProgram("ratelimiter", dir, engine("linux", HERE))
    expect(readdirSync(dir)).toEqual(["ratelimiter"])
    const { stdout, exitCode } = Bun.spawnSync([join(dir, "ratelimiter"), "--help"], { env: {} })
    expect([exitCode, stdout.toString()]).toEqual([0, expect.stringContaining("A distributed rate limiter")])
  },
)

test("an engine that runs another kind of machine is told from this one before anything is compiled", async () => {
  const folder = join(dir, "other")
  const compiled = compileProgram("ratelimiter", folder, engine("linux", "riscv64"))
  await expect(compiled).rejects.toThrow(EnvironmentError)
  await expect(compiled).rejects.toThrow("the engine runs linux riscv64")
  expect(existsSync(folder)).toBe(false)
})

test.each([
  ["linux", "x64", "/lib64/ld-linux-x86-64.so.2", "amd64", undefined],
  ["linux", "arm64", "/lib/ld-linux-aarch64.so.1", "arm64", undefined],
  [
    "linux",
    "arm64",
    "/lib/ld-linux-aarch64.so.1",
    "amd64",
    "which is for linux arm64, and the engine runs linux amd64",
  ],
  ["darwin", "arm64", "/usr/lib/dyld", "arm64", "which is for darwin arm64, and the engine runs linux arm64"],
  ["linux", "x64", "/lib/ld-musl-x86_64.so.1", "amd64", "needs musl"],
])("an operator for %s %s with the loader %s, and an engine on %s", (platform, arch, loader, Arch, problem) => {
  const found = whyUnfit({ platform, arch, executable: Buffer.from(loader) }, { Os: "linux", Arch })
  if (problem === undefined) expect(found).toBeUndefined()
  else expect(found).toContain(problem)
})

test("an image is built with a program when its build arguments name one", async () => {
  expect(programOf({ args: { PROGRAM: "ratelimiter" } })).toBe("ratelimiter")
  expect([programOf({}), programOf({ args: { PROGRAM: null } }), programOf({ args: { PROGRAM: "vim" } })]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  expect(await programHash("ratelimiter")).toMatch(/^[0-9a-f]{64}$/)
})
