import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { openStore } from "../src/store/open.ts"
import { type Home, makeHome } from "./support/operator.ts"

/** Each test starts processes, and the machine may have other things to do. */
setDefaultTimeout(60_000)

const BINARY = join(import.meta.dir, "..", "dist", "operator")

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.remove())

describe("a working directory that is somebody else's", () => {
  /** Settings that are not meant for operator, and a folder of Compose files that it cannot read. */
  function hostile(): string {
    const dir = join(home.dir, "theirs")
    mkdirSync(join(dir, "compose", "folder.yaml"), { recursive: true })
    writeFileSync(join(dir, ".env"), `OPERATOR_DB=${join(dir, "theirs.db")}\n`)
    writeFileSync(join(dir, "bunfig.toml"), 'preload = ["./preload.ts"]\n')
    writeFileSync(join(dir, "preload.ts"), `await Bun.write(${JSON.stringify(join(dir, "ran"))}, "")\n`)
    writeFileSync(join(dir, "compose", "broken.yaml"), "services: [\n")
    writeFileSync(join(dir, "compose", "odd.yaml"), "x-operator: {group: {}}\nservices: {}\n")
    writeFileSync(join(dir, "compose", "notes.txt"), "not mine")
    return dir
  }

  async function run(program: string[], cwd: string, ...words: string[]) {
    const { OPERATOR_DB: _, ...env } = home.env
    const child = Bun.spawn([...program, ...words], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
    return { stdout, stderr, exit_code: await child.exited }
  }

  test("with broken files is a note for those who list, and nothing for the others", async () => {
    const dir = hostile()
    for (const path of [".env", "bunfig.toml"]) writeFileSync(join(dir, path), "")
    const program = [process.execPath, join(import.meta.dir, "..", "src", "cli.ts")]
    const { stdout, stderr, exit_code } = await run(program, dir, "chaos", "list", "--json")
    expect(exit_code).toBe(0)
    expect((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)).toContain("counter_drift")
    expect(stderr).toMatch(
      /^broken: compose\/broken\.yaml:2:1: .*\nodd: compose\/odd\.yaml:1:14: x-operator\.group: unknown key \(did you mean "groups"\?\)\n$/,
    )
    expect(await run(program, dir, "labs")).toMatchObject({
      exit_code: 0,
      stderr: expect.stringContaining("no lab is up"),
    })
    expect(await run(program, dir, "up", "odd")).toMatchObject({ exit_code: 2, stdout: "" })
  })

  test("that is no more, or in which `compose` is a file, does not matter", async () => {
    const program = [process.execPath, join(import.meta.dir, "..", "src", "cli.ts")]
    writeFileSync(join(home.dir, "compose"), "not a folder")
    expect(await run(program, home.dir, "chaos", "list")).toMatchObject({ stderr: "", exit_code: 0 })
    const gone = join(home.dir, "gone")
    mkdirSync(gone)
    const command = ["sh", "-c", `rmdir "${gone}" && exec "$@"`, "sh", ...program]
    expect(await run(command, gone, "chaos", "list")).toMatchObject({ stderr: "", exit_code: 0 })
  })

  test.skipIf(!existsSync(BINARY))("does not reach the binary: neither its .env nor its bunfig.toml", async () => {
    const dir = hostile()
    const store = join(home.dir, ".operator", "operator.db")
    expect(await run([BINARY], dir, "--version")).toMatchObject({ stderr: "", exit_code: 0 })
    const named = { stderr: expect.stringContaining(store), exit_code: 2 }
    expect(await run([BINARY], dir, "eval", "show", "last")).toMatchObject(named)
    const { stdout, stderr, exit_code } = await run([BINARY], dir, "chaos", "list")
    expect({ exit_code, broken: stderr.includes("compose/broken.yaml:") }).toEqual({ exit_code: 0, broken: true })
    expect(stdout).toContain("counter_drift")
    openStore(store).close()
    expect(await run([BINARY], dir, "audit", "list", "--json")).toEqual({ stdout: "[]\n", stderr: "", exit_code: 0 })
    expect(readdirSync(dir).sort()).toEqual([".env", "bunfig.toml", "compose", "preload.ts"])
  })
})
