import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { waitUntil } from "../../lib/clock.ts"
import { identify, sendSignal } from "../../lib/process.ts"
import { type LocalShellLimits, localShell } from "./local.ts"
import { describeEnd } from "./shell.ts"

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "shell-"))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const timeout_ms = 20_000
const run = (command: string, limits: Partial<LocalShellLimits> & { timeout_ms?: number } = {}) =>
  localShell({ cwd, env: {}, limits }).run(command, { timeout_ms: limits.timeout_ms ?? timeout_ms })
const gone = (pid: number) => waitUntil(() => identify(pid) === undefined, { timeout_ms: 5_000, every_ms: 10 })
const firstPid = (shown: string) => Number(/\d+/.exec(shown)?.[0])

describe("a command", () => {
  test("is whatever bash -c takes", async () => {
    expect(await run("exit 3")).toMatchObject({ exit_code: 3, signal: null, ended_by: "exit", shown: "" })
    expect(await run("set -e\nfalse\necho unreached")).toMatchObject({ exit_code: 1, shown: "" })
    expect(await run("cat <<END\nsum $((1 + 1))\nEND")).toMatchObject({ exit_code: 0, shown: "sum 2\n" })
    expect(await run('echo "$0 $# $PWD"')).toMatchObject({ shown: `bash 0 ${cwd}\n` })
    expect(await run("true\nnosuch")).toMatchObject({
      exit_code: 127,
      shown: "bash: line 2: nosuch: command not found\n",
    })
    expect(await run("-x")).toMatchObject({ exit_code: 127, shown: "bash: line 1: -x: command not found\n" })
    expect(await run("trap 'echo bye' EXIT; exit 4")).toMatchObject({ exit_code: 4, shown: "bye\n" })
  })

  test("with a syntax error runs up to it and names the line", async () => {
    const result = await run("echo before\nif then")
    expect(result.exit_code).toBe(2)
    expect(result.shown).toStartWith("before\nbash: -c: line 2: syntax error")
  })

  test("prints both streams in order, also by the names of the streams", async () => {
    const result = await run("echo 1; echo 2 >&2; echo 3 >/dev/stderr; echo 4 >/dev/stdout; tee /dev/stderr <<<5")
    expect(result.shown).toBe("1\n2\n3\n4\n5\n5\n")
    expect(Buffer.from(result.output).toString()).toBe(result.shown)
    expect(result.output_bytes).toBe(12)
  })

  test("reads nothing and has no terminal", async () => {
    const result = await run("read line; echo $?; tty; cat; : </dev/tty", { timeout_ms: 5_000 })
    expect(result.ended_by).toBe("exit")
    expect(result.shown).toStartWith("1\nnot a tty\nbash: line 1: /dev/tty:")
  })

  test("that dies by a signal says which", async () => {
    const result = await run("echo last words; kill -9 $$")
    expect(result).toMatchObject({ exit_code: null, signal: "SIGKILL", ended_by: "exit", shown: "last words\n" })
    expect(describeEnd(result)).toStartWith("killed by SIGKILL after ")
  })

  test("that cannot be started is a result with the reason", async () => {
    const lost = await localShell({ cwd: join(cwd, "gone"), env: {} }).run("true", { timeout_ms })
    expect(lost).toMatchObject({ exit_code: null, ended_by: "spawn_failed", output_bytes: 0 })
    expect(lost.shown).toContain(`${join(cwd, "gone")}: ENOENT`)
    const bashless = await localShell({ cwd, env: { PATH: cwd } }).run("true", { timeout_ms })
    expect(bashless).toMatchObject({ ended_by: "spawn_failed", shown: expect.stringContaining('"bash"') })
    expect(await run("echo \0")).toMatchObject({ ended_by: "spawn_failed" })
    expect(await run(`: ${"x".repeat(3_000_000)}`)).toMatchObject({ ended_by: "spawn_failed" })
  })
})

describe("what a command leaves behind", () => {
  test("holding the pipe is waited for briefly, then killed and counted", async () => {
    const result = await run("sleep 60 & echo $!")
    expect(result).toMatchObject({ exit_code: 0, ended_by: "exit", left_running: 1 })
    expect(result.duration_ms).toBeLessThan(2_000)
    expect(describeEnd(result)).toEndWith("; 1 process left in its group killed")
    expect(await gone(firstPid(result.shown))).toBe(true)
  })

  test("away from the pipe is killed and counted as well", async () => {
    const result = await run("sleep 60 >/dev/null 2>&1 & sleep 60 >/dev/null 2>&1 & echo $!")
    expect(result).toMatchObject({ exit_code: 0, left_running: 2 })
    expect(await gone(firstPid(result.shown))).toBe(true)
  })

  test("stopped is killed too", async () => {
    const result = await run("sleep 60 & kill -STOP $!; echo $!")
    expect(result.left_running).toBe(1)
    expect(await gone(firstPid(result.shown))).toBe(true)
  })

  test("is not counted once it has ended, and what it still printed is kept", async () => {
    const result = await run("echo quick > >(sleep 0.05; tr a-z A-Z)", { linger_ms: 10_000 })
    expect(result).toMatchObject({ exit_code: 0, shown: "QUICK\n" })
    expect(result.left_running).toBeUndefined()
    expect(result.duration_ms).toBeLessThan(5_000)
  })

  test.skipIf(Bun.which("perl") === null)("as a zombie is nobody's concern", async () => {
    const result = await run("perl -e 'fork or exit; setpgrp; sleep 60' >/dev/null 2>&1 & echo $!", {
      linger_ms: 10_000,
    })
    sendSignal(firstPid(result.shown), "SIGKILL")
    expect(result.left_running).toBeUndefined()
    expect(result.duration_ms).toBeLessThan(5_000)
  })

  test.each([
    "setsid sleep 60 &",
    "setsid sleep 60 >/dev/null 2>&1 &",
    "(sleep 0.1; exec setsid sleep 60) >/dev/null 2>&1 &",
  ])("by setsid lives on: %s", async (command) => {
    const result = await run(`${command} echo $!`, { linger_ms: 1_000 })
    const service = firstPid(result.shown)
    try {
      expect(result).toMatchObject({ exit_code: 0 })
      expect(result.left_running).toBeUndefined()
      expect(identify(service)).toBeDefined()
    } finally {
      sendSignal(service, "SIGKILL")
    }
  })
})

describe("a time-out", () => {
  test("ends the command and keeps what was printed", async () => {
    const result = await run("echo $$; sleep 60", { timeout_ms: 200 })
    expect(result).toMatchObject({ exit_code: null, signal: "SIGTERM", ended_by: "timeout" })
    expect(result.left_running).toBeUndefined()
    expect(result.duration_ms).toBeWithin(200, 2_000)
    expect(describeEnd(result)).toMatch(/^timed out after \d+ ms; its process group was killed$/)
    expect(await gone(firstPid(result.shown))).toBe(true)
  })

  test("ends a command that is deaf to TERM, with its children", async () => {
    const deaf = "trap '' TERM; sleep 60 & echo $!; while :; do sleep 0.02; done"
    const result = await run(deaf, { timeout_ms: 200, grace_ms: 300 })
    expect(result).toMatchObject({ signal: "SIGKILL", ended_by: "timeout" })
    expect(result.duration_ms).toBeWithin(500, 3_000)
    expect(await gone(firstPid(result.shown))).toBe(true)
  })

  test("lets a command that heeds TERM clean up", async () => {
    const tidy = "trap 'sleep 0.1; echo tidied; exit 7' TERM; sleep 60 & wait"
    expect(await run(tidy, { timeout_ms: 200, grace_ms: 10_000 })).toMatchObject({
      exit_code: 7,
      ended_by: "timeout",
      shown: "tidied\n",
    })
  })

  test("gives a child the same grace when its shell is dead and the pipe closed", async () => {
    const child = "(trap 'sleep 0.1; echo tidied > tidied; exit' TERM; while :; do sleep 0.02; done) >/dev/null 2>&1; :"
    const result = await run(child, { timeout_ms: 200, grace_ms: 10_000 })
    expect(result).toMatchObject({ signal: "SIGTERM", ended_by: "timeout" })
    expect(readFileSync(join(cwd, "tidied"), "utf8")).toBe("tidied\n")
  })

  test("ends a stopped command", async () => {
    const result = await run("kill -STOP $$", { timeout_ms: 200, grace_ms: 10_000 })
    expect(result).toMatchObject({ signal: "SIGTERM", ended_by: "timeout" })
    expect(result.duration_ms).toBeLessThan(5_000)
  })

  test("of nothing ends the command at once", async () => {
    expect(await run("sleep 60", { timeout_ms: 0 })).toMatchObject({ ended_by: "timeout" })
  })
})

describe("an abort", () => {
  test("ends the running command promptly and keeps what was printed", async () => {
    const abort = new AbortController()
    const running = localShell({ cwd, env: {} }).run("echo begun; touch begun; sleep 60", {
      timeout_ms,
      signal: abort.signal,
    })
    expect(await waitUntil(() => existsSync(join(cwd, "begun")), { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
    const aborted_ms = performance.now()
    abort.abort()
    const result = await running
    expect(performance.now() - aborted_ms).toBeLessThan(1_000)
    expect(result).toMatchObject({ signal: "SIGTERM", ended_by: "interrupted", shown: "begun\n" })
  })

  test("that came before starts nothing", async () => {
    const options = { timeout_ms, signal: AbortSignal.abort() }
    const result = await localShell({ cwd, env: {} }).run("touch never", options)
    expect(result).toMatchObject({ exit_code: null, signal: null, ended_by: "interrupted", duration_ms: 0 })
    expect(existsSync(join(cwd, "never"))).toBe(false)
  })
})

describe("output", () => {
  test("is kept whole up to the cap while head and tail are shown", async () => {
    const result = await run("seq 200000")
    const text = Buffer.from(result.output).toString()
    expect(text.length).toBe(1_288_895)
    expect(result).toMatchObject({ exit_code: 0, output_bytes: text.length })
    const [head, tail] = result.shown.split("\n[… 1,272,511 bytes omitted …]\n") as [string, string]
    expect(text.startsWith(head) && text.endsWith(tail)).toBe(true)
    expect([head.length, tail.length]).toEqual([8_192, 8_192])
  })

  test("beyond the cap ends the command", async () => {
    const result = await run("echo first; yes", { kept_bytes: 1_000_000 })
    expect(result).toMatchObject({ signal: "SIGTERM", ended_by: "output_limit" })
    expect(result.output.length).toBe(1_000_000)
    expect(result.output_bytes).toBeGreaterThan(1_000_000)
    expect(result.shown).toStartWith("first\ny\n")
  })

  test("beyond the cap is read on while a command deaf to TERM prints, and its end is shown", async () => {
    const deaf = "trap 'echo heard' TERM; for i in {1..40000}; do echo $i; done; trap '' TERM; echo the end"
    const result = await run(deaf, { kept_bytes: 10_000, grace_ms: 20_000 })
    expect(result).toMatchObject({ exit_code: 0, ended_by: "output_limit" })
    expect(result.shown).toContain("the end\n")
  })

  test("of exactly the cap is no reason to end it", async () => {
    expect(await run("head -c 65536 /dev/zero", { kept_bytes: 65_536 })).toMatchObject({
      exit_code: 0,
      ended_by: "exit",
    })
  })

  test("of hundreds of megabytes costs no more memory than a few times what is kept", () => {
    const told = inProcess(`
      await shell.run("true", { timeout_ms: 5_000 })
      const before = process.resourceUsage().maxRSS
      const { output, ...end } = await shell.run("trap '' TERM; head -c 500000000 /dev/zero", { timeout_ms: 60_000 })
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
})

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
    const names = (await run("env")).shown.split("\n").map((line) => line.split("=")[0])
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
