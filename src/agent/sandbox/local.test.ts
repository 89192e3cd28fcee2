import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { identify, sendSignal } from "../../lib/process.ts"
import { testShell } from "../../../test/support/shell-contract.ts"
import { localShell } from "./local.ts"

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "shell-"))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const timeout_ms = 20_000

describe("on this host", () => {
  testShell({
    cwd: () => cwd,
    shell: ({ env = {}, ...setting }) => localShell({ cwd, env, ...setting }),
    lives: (pid) => identify(pid) !== undefined,
    kill: (pid) => sendSignal(pid, "SIGKILL"),
    read: (file) => (existsSync(join(cwd, file)) ? readFileSync(join(cwd, file), "utf8") : undefined),
  })
})

test("a command whose folder is gone is a result with the reason", async () => {
  const lost = await localShell({ cwd: join(cwd, "gone"), env: {} }).run("true", { timeout_ms })
  expect(lost).toMatchObject({ exit_code: null, ended_by: "spawn_failed", output_bytes: 0 })
  expect(lost.shown).toContain(`${join(cwd, "gone")}: ENOENT`)
})

test("output of hundreds of megabytes costs no more memory than a few times what is kept", () => {
  const told = inProcess(`
    await shell.run("true", { timeout_ms: 5_000 })
    const before = process.resourceUsage().maxRSS
    const patient = localShell({ cwd: "/", env: {}, limits: { grace_ms: 30_000 } })
    const { output, ...end } = await patient.run("trap '' TERM; head -c 500000000 /dev/zero", { timeout_ms: 60_000 })
    const grown_kib = process.resourceUsage().maxRSS - before
    console.log(JSON.stringify({ ...end, kept: output.length, grown_kib }))`)
  expect(told).toMatchObject({
    ended_by: "output_limit",
    exit_code: 0,
    output_bytes: 500_000_000,
    kept: 64 * 1024 * 1024,
  })
  expect(told.grown_kib).toBeLessThan(256 * 1024)
}, 60_000)

describe("secrets", () => {
  const name = "OPERATOR_TEST_API_KEY"
  const value = "sk-test-3f9d1c7a5b"
  beforeAll(() => {
    process.env[name] = value
  })
  afterAll(() => {
    delete process.env[name]
  })

  test("of the harness don't reach the command", async () => {
    const names = (await localShell({ cwd, env: {} }).run("env", { timeout_ms })).shown
      .split("\n")
      .map((line) => line.split("=")[0])
    expect(names).not.toContain(name)
    expect(names).toContain("PATH")
    expect(names).toContain("GIT_TERMINAL_PROMPT")
  })

  test("of the harness are in no output, wherever chunks end", async () => {
    const shell = localShell({ cwd, env: { HALF: value.slice(0, 9), REST: value.slice(9) } })
    const result = await shell.run(
      'for i in {1..30000}; do echo "$i $HALF$REST"; done; printf %s "$HALF"; printf %s "$REST"',
      {
        timeout_ms,
      },
    )
    const text = Buffer.from(result.output).toString()
    expect(text).not.toContain(value)
    expect(text.split("[redacted]").length - 1).toBe(30_001)
    expect(result.shown).not.toContain(value)
    expect(result.shown).toEndWith("\n30000 [redacted]\n[redacted]")
    expect(result.output_bytes).toBe(text.length)
  })

  test("that the caller names are redacted beside them", async () => {
    const shell = localShell({ cwd, env: { GIVEN: "another secret", OURS: value }, secrets: ["another secret"] })
    expect((await shell.run('echo "$GIVEN, $OURS"', { timeout_ms })).shown).toBe("[redacted], [redacted]\n")
  })
})

test("a thousand commands leave no descriptor, timer or listener behind", () => {
  // A timer that was left would hold the process for ten minutes, and the script would run out of time.
  const told = inProcess(`
    const { getEventListeners } = await import("node:events")
    const { readdirSync } = await import("node:fs")
    const { signal } = new AbortController()
    const descriptors = () => (process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0)
    const commands = ["true", "echo x", "exit 3", "sleep 1 &", "setsid sleep 1 &"]
    const some = () => commands.map((command) => shell.run(command, { timeout_ms: 600_000, signal }))
    const patient = localShell({ cwd: "/", env: {}, limits: { linger_ms: 600_000, grace_ms: 600_000 } })
    await patient.run("sleep 60", { timeout_ms: 1 })
    await Promise.all(some())
    const before = descriptors()
    for (let i = 0; i < 200; i++) await Promise.all(some())
    const closed = await waitUntil(() => descriptors() <= before, { timeout_ms: 5_000, every_ms: 10 })
    console.log(JSON.stringify({ closed, listeners: getEventListeners(signal, "abort").length }))`)
  expect(told).toEqual({ closed: true, listeners: 0 })
}, 60_000)

/** Runs a script that has a `shell` in a process of its own, and gives the object that it prints. */
function inProcess(script: string): Record<string, unknown> {
  const shell = `
    import { waitUntil } from ${JSON.stringify(join(import.meta.dir, "../../lib/clock.ts"))}
    import { localShell } from ${JSON.stringify(join(import.meta.dir, "local.ts"))}
    const shell = localShell({ cwd: "/", env: {}, limits: { linger_ms: 10 }, secrets: ["what is looked for"] })`
  const { stdout } = Bun.spawnSync([process.execPath, "-e", shell + script], {
    cwd,
    stderr: "inherit",
    timeout: 45_000,
  })
  return JSON.parse(stdout.toString()) as Record<string, unknown>
}
