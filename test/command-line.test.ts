import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { version } from "../package.json" with { type: "json" }
import { inTerminal } from "./support/terminal.ts"

const PROGRAM = join(import.meta.dir, "fixtures", "program", "main.ts")
const ENTRY = join(import.meta.dir, "..", "src", "cli.ts")
const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" }

async function run(...argv: string[]) {
  const child = Bun.spawn([process.execPath, PROGRAM, ...argv], { env, stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { stdout, stderr, code: await child.exited }
}

/** Runs a shell pipeline in which $OPERATOR is the fixture; the shell prints the fixture's exit code on stderr. */
async function shell(script: string) {
  const OPERATOR = `${process.execPath} ${PROGRAM}`
  const child = Bun.spawn(["sh", "-c", script], { env: { ...env, OPERATOR }, stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { stdout, stderr }
}

describe("help", () => {
  test.each([[[]], [["--help"]], [["-h"]], [["help"]]])("%j lists the commands and imports none", async (argv) => {
    const { stdout, stderr, code } = await run(...argv)
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 })
    expect(stdout).toContain("operator: a fixture")
    expect(stdout).toMatch(/^  greet    say hello$/m)
    expect(stdout).toMatch(/^  tickets  work with tickets$/m)
    expect(stdout).toContain("--version")
    expect(stdout).not.toContain("part")
    expect(stdout).not.toContain("\x1b")
  })

  test.each([[["tickets"]], [["tickets", "--help"]], [["help", "tickets"]]])(
    "%j lists a group's commands",
    async (argv) => {
      const { stdout, code } = await run(...argv)
      expect(code).toBe(0)
      expect(stdout).toMatch(/^operator tickets: work with tickets\n\nUsage: operator tickets COMMAND/)
      expect(stdout).toMatch(/^  list  throws when it is imported$/m)
    },
  )

  test("the fixture's broken command does throw when it is called", async () => {
    expect(await run("tickets", "list")).toMatchObject({ stdout: "", code: 1 })
  })

  test("of a command shows its usage, arguments, defaults and examples", async () => {
    const { stdout, code } = await run("greet", "--help")
    expect(code).toBe(0)
    expect(stdout).toBe(`operator greet: says hello, as often as it is asked to

Usage: operator greet NAME [FLAGS] [-- COMMAND...]

Arguments:
  NAME     who is greeted
  COMMAND  run afterwards

Flags:
  -n, --times N          how often (default 1)
      --style loud|soft
      --no-polite        leave out the please

Flags of every command:
      --db FILE  the store (else OPERATOR_DB, else ~/.operator/operator.db)
      --json     print JSON
      --debug    print the stack trace of an error
  -h, --help     print this

Examples:
  operator greet world --times 3
`)
    expect(await run("help", "greet")).toMatchObject({ stdout })
    expect(await run("greet", "--bogus", "-h")).toMatchObject({ stdout })
  })

  test("after -- is not asked of us", async () => {
    expect(await run("greet", "world", "--", "--help")).toMatchObject({ stdout: "hello world\n", code: 0 })
  })

  test("is coloured on a terminal, unless NO_COLOR is set", async () => {
    const command = [process.execPath, PROGRAM, "--help"]
    expect(await inTerminal(command, { ...env, TERM: "xterm" })).toContain("\x1b[1mCommands:\x1b[22m")
    expect(await inTerminal(command, { ...env, TERM: "xterm", NO_COLOR: "1" })).not.toContain("\x1b")
  })
})

describe("an error", () => {
  test.each([
    ["UsageError", 2],
    ["CheckFailed", 3],
    ["EnvironmentError", 4],
    ["Interrupted", 130],
    ["OperatorError", 1],
  ])("of class %s ends with %i, its message and its hint on stderr", async (how, code) => {
    const ended = await run("end", how)
    expect(ended).toMatchObject({ stdout: "", code })
    expect(ended.stderr).toStartWith("operator: it ended\n  → start again\n")
  })

  test("that nobody planned ends with 1 and says how to see more", async () => {
    expect(await run("end", "Error")).toEqual({
      stdout: "",
      stderr: "operator: broken\\x1b[2J\n  → run again with --debug for the stack trace\n",
      code: 1,
    })
  })

  test("shows its stack and its causes under --debug", async () => {
    const { stderr, code } = await run("end", "Error", "--debug")
    expect(code).toBe(1)
    expect(stderr).toMatch(/^operator: broken/)
    expect(stderr).toMatch(/at .*end\.ts:\d+/)
    expect(stderr).toContain("caused by: Error: the deeper reason")
    expect(stderr).not.toContain("run again")
  })

  test.each(["late", "rejected"])("that comes %s is reported like any other", async (how) => {
    const { stderr, code } = await run("end", how)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^operator: (too late|nobody waited)\n  → run again with --debug for the stack trace\n$/)
  })

  test("of usage ends with 2 and prints nothing on stdout", async () => {
    expect(await run("greet", "world", "--time", "2")).toEqual({
      stdout: "",
      stderr:
        'operator: unknown flag --time (did you mean "--times"?)\n  → operator greet --help shows how it is used\n',
      code: 2,
    })
  })
})

describe("stdout", () => {
  test("drains a megabyte into a pipe whose reader is late", async () => {
    const { stdout, stderr } = await shell("($OPERATOR greet world -n 100000; echo $? >&2) | (sleep 0.2; wc -c)")
    expect({ bytes: Number(stdout), stderr }).toEqual({ bytes: 1_200_000, stderr: "0\n" })
  })

  test("may lose its reader: that ends the command quietly, with 0", async () => {
    const { stdout, stderr } = await shell("($OPERATOR greet world -n 100000; echo $? >&2) | head -1")
    expect({ stdout, stderr }).toEqual({ stdout: "hello world\n", stderr: "0\n" })
  })

  test.skipIf(process.platform !== "linux")("on a full disk is an error of the environment", async () => {
    const { stderr } = await shell("$OPERATOR greet world >/dev/full; echo $? >&2")
    expect(stderr).toMatch(/^operator: cannot write to stdout: .*ENOSPC.*\n4\n$/)
  })

  test("is still written when stderr has lost its reader", async () => {
    expect((await shell("{ ($OPERATOR end talkative; echo $?) 2>&1 >&3 | true; } 3>&1")).stdout).toBe("done\n0\n")
  })
})

describe("the entry", () => {
  const entry = (...argv: string[]) => Bun.spawnSync([process.execPath, ENTRY, ...argv], { env })

  test.each(["--version", "-V"])("prints its version alone for %s", (flag) => {
    const { stdout, stderr, exitCode } = entry(flag)
    expect([stdout.toString(), stderr.toString(), exitCode]).toEqual([`${version}\n`, "", 0])
  })

  test("prints help when it is given nothing", () => {
    const { stdout, exitCode } = entry()
    expect(exitCode).toBe(0)
    expect(stdout.toString()).toContain("Usage: operator COMMAND")
  })

  test("refuses an unknown word with 2", () => {
    expect(entry("no-such-command").exitCode).toBe(2)
  })
})
