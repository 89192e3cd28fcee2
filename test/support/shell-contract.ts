import { describe, expect, test } from "bun:test"
import type { CaptureLimits } from "../../src/agent/sandbox/capture.ts"
import { describeEnd, type Shell } from "../../src/agent/sandbox/shell.ts"
import { waitUntil } from "../../src/lib/clock.ts"

/** Where a shell's commands run, and a look at it from beside the shell. */
export interface ShellPlace {
  /** The folder in which commands begin. */
  cwd(): string
  shell(setting: ShellSetting): Shell
  /** Whether a process lives there. Zombies don't. */
  lives(pid: number): boolean
  kill(pid: number): void
  /** What a file of the folder holds. */
  read(file: string): string | undefined
}

export interface ShellSetting {
  env?: Record<string, string>
  limits?: Partial<ShellLimits>
  secrets?: string[]
}

type ShellLimits = CaptureLimits & { grace_ms: number; linger_ms: number }

/** What every shell promises, as tests: the same for commands on this host and in a kitchen. */
export function testShell(place: ShellPlace): void {
  const timeout_ms = 20_000
  const run = (command: string, limits: Partial<ShellLimits> & { timeout_ms?: number } = {}) =>
    place.shell({ limits }).run(command, { timeout_ms: limits.timeout_ms ?? timeout_ms })
  const gone = (pid: number) => waitUntil(() => !place.lives(pid), { timeout_ms: 5_000, every_ms: 10 })
  const firstPid = (shown: string) => Number(/\d+/.exec(shown)?.[0])

  describe("a command", () => {
    test("is whatever bash -c takes", async () => {
      expect(await run("exit 3")).toMatchObject({ exit_code: 3, signal: null, ended_by: "exit", shown: "" })
      expect(await run("set -e\nfalse\necho unreached")).toMatchObject({ exit_code: 1, shown: "" })
      expect(await run("cat <<END\nsum $((1 + 1))\nEND")).toMatchObject({ exit_code: 0, shown: "sum 2\n" })
      expect(await run('echo "$0 $# $PWD"')).toMatchObject({ shown: `bash 0 ${place.cwd()}\n` })
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

    test("that no shell could take is a result with the reason", async () => {
      expect(await run("echo \0")).toMatchObject({ ended_by: "spawn_failed" })
      expect(await run(`: ${"x".repeat(3_000_000)}`)).toMatchObject({ ended_by: "spawn_failed" })
      const bashless = await place.shell({ env: { PATH: "/nowhere" } }).run("true", { timeout_ms })
      expect(bashless).toMatchObject({ exit_code: null, ended_by: "spawn_failed", output_bytes: 0 })
      expect(bashless.shown).toContain("bash")
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
      const result = await run(
        "perl -e 'fork or exit; select undef, undef, undef, 0.2; setpgrp; sleep 60' >/dev/null 2>&1 & echo $!",
        {
          linger_ms: 10_000,
        },
      )
      place.kill(firstPid(result.shown))
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
        expect(place.lives(service)).toBe(true)
      } finally {
        place.kill(service)
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
      const child =
        "(trap 'sleep 0.1; echo tidied > tidied; exit' TERM; while :; do sleep 0.02; done) >/dev/null 2>&1; :"
      const result = await run(child, { timeout_ms: 200, grace_ms: 10_000 })
      expect(result).toMatchObject({ signal: "SIGTERM", ended_by: "timeout" })
      expect(place.read("tidied")).toBe("tidied\n")
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
      const running = place.shell({}).run("echo begun; touch begun; sleep 60", {
        timeout_ms,
        signal: abort.signal,
      })
      expect(await waitUntil(() => place.read("begun") !== undefined, { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
      const aborted_ms = performance.now()
      abort.abort()
      const result = await running
      expect(performance.now() - aborted_ms).toBeLessThan(1_000)
      expect(result).toMatchObject({ signal: "SIGTERM", ended_by: "interrupted", shown: "begun\n" })
    })

    test("that came before starts nothing", async () => {
      const options = { timeout_ms, signal: AbortSignal.abort() }
      const result = await place.shell({}).run("touch never", options)
      expect(result).toMatchObject({ exit_code: null, signal: null, ended_by: "interrupted", duration_ms: 0 })
      expect(place.read("never")).toBeUndefined()
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
  })

  test("a secret that the caller names is in no output", async () => {
    const shell = place.shell({ env: { GIVEN: "another secret" }, secrets: ["another secret"] })
    expect((await shell.run('echo "$GIVEN"', { timeout_ms })).shown).toBe("[redacted]\n")
  })
}
