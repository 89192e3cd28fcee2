import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Finding } from "../src/commands/doctor/finding.ts"
import type { Asked } from "../src/commands/doctor/model.ts"
import { openStore } from "../src/store/open.ts"
import type { Answer } from "./scripted-claude/script.ts"
import { type ScriptedClaude, startScriptedClaude } from "./scripted-claude/server.ts"
import { ISOLATED } from "./support/isolated.ts"
import { type Home, makeHome, OPERATOR } from "./support/operator.ts"
import { CAN_MOUNT, smallDisk } from "./support/small-disk.ts"
import { recordLab } from "./support/stored-lab.ts"
import { UNPRIVILEGED } from "./support/unprivileged.ts"

/** Each test starts processes, and the machine may have other things to do. */
setDefaultTimeout(60_000)

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.remove())

async function examine(options: { program?: readonly string[]; env?: Record<string, string>; words?: string[] } = {}) {
  const { program = OPERATOR, env = {}, words = [] } = options
  const child = Bun.spawn([...program, "doctor", "--json", ...words], {
    cwd: home.dir,
    env: { ...home.env, ...env },
    stdout: "pipe",
    stderr: "pipe",
  })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
  const exit_code = await child.exited
  const { process_labs, findings } = JSON.parse(stdout) as { process_labs: boolean; findings: Finding[] }
  const checks = Object.fromEntries(findings.map((finding) => [finding.check, finding]))
  return { exit_code, stdout, stderr, process_labs, checks }
}

describe("on a machine that can run process labs", () => {
  test("doctor says so with 0, names what is only worth knowing, and leaves nothing behind", async () => {
    const { exit_code, process_labs, checks, stderr } = await examine()
    expect({ exit_code, process_labs, stderr }).toEqual({
      exit_code: 0,
      process_labs: true,
      stderr: "process labs can run here: operator campaign quickstart\n",
    })
    expect(Object.keys(checks)).toEqual([
      ...["operator", "store", "labs", "loopback", "shell", "processes", "open files", "machine"],
      ...["docker", "key", "orphans"],
    ])
    expect(checks.store?.found).toContain(`${home.db}, not there yet, will be created`)
    expect(checks.machine?.found).toMatch(/^\d+ cores?, \d+ MB of memory free: up to --parallel \d+$/)
    expect(checks.docker?.found).toContain("not needed for process labs")
    // Bun keeps a folder of its own when it runs sources.
    expect(readdirSync(home.dir).filter((name) => name !== ".bun")).toEqual([])
  })

  test("people get a table, and under it what mends", async () => {
    const { stdout, exit_code } = await home.run("doctor")
    expect(exit_code).toBe(0)
    expect(stdout).toMatch(/^CHECK +STATE +FOUND\n/)
    expect(stdout).toMatch(/^loopback +ok +127\.0\.0\.1 answers$/m)
    expect(stdout).toMatch(/^key: export ANTHROPIC_API_KEY=…$/m)
  })

  test("a key is seen, and never shown", async () => {
    expect((await examine()).checks.key).toMatchObject({ state: "note", mend: "export ANTHROPIC_API_KEY=…" })
    const { checks, stdout, stderr } = await examine({ env: { ANTHROPIC_API_KEY: "sk-not-for-anybody" } })
    expect(checks.key).toMatchObject({ state: "ok", mend: null })
    expect(stdout + stderr).not.toContain("not-for-anybody")
  })

  test("a lab for which nobody answers is named with the command that sweeps it", async () => {
    const store = openStore(home.db)
    recordLab(store, "kv-1")
    expect((await examine()).checks).toMatchObject({ orphans: { state: "ok" }, store: { state: "ok" } })
    store.db.run("update labs set owner_started = 'long ago'")
    store.close()
    const { checks, exit_code } = await examine()
    expect(checks.orphans).toMatchObject({ state: "note", mend: "operator chaos sweep" })
    expect({ named: checks.orphans?.found.includes("kv-1"), exit_code }).toEqual({ named: true, exit_code: 0 })
  })
})

describe("a model that is asked", () => {
  const NAME = "claude-haiku-5-5"
  const keyFor = ({ url, key }: ScriptedClaude) => ({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: key })

  async function ask(env: Record<string, string>, name = NAME) {
    const { exit_code, stdout, stderr, process_labs } = await examine({ env, words: ["--model", name] })
    return { exit_code, stderr, process_labs, model: (JSON.parse(stdout) as { model: Asked }).model }
  }

  test("is shown with who answered, how fast and for how much, whichever header takes the key", async () => {
    for (const auth of ["bearer", "x-api-key"] as const) {
      await using claude = await startScriptedClaude({ script: [], auth })
      const { exit_code, model } = await ask(keyFor(claude))
      expect({ exit_code, violations: claude.violations }).toEqual({ exit_code: 0, violations: [] })
      expect(structuredClone(model)).toMatchObject({
        asked: NAME,
        answered: true,
        model: NAME,
        request_id: expect.stringMatching(/^req_/),
      })
      if (!model.answered) throw new Error("it did answer")
      expect(model.took_ms).toBeLessThan(30_000)
      expect(model.cost_usd).toBeGreaterThan(0)
      expect(model.cost_usd).toBeLessThan(0.001)
      Object.assign(home.env, keyFor(claude))
      expect((await home.run("doctor", "--model", NAME)).stdout).toMatch(
        /^model +ok +claude-haiku-5-5 answered in .*, for \$0\.\d+, request req_\w+$/m,
      )
    }
  })

  test("has a cost that is not known when it has no price", async () => {
    await using claude = await startScriptedClaude({ script: [] })
    expect((await ask(keyFor(claude), "claude-unheard-of")).model).toMatchObject({ answered: true, cost_usd: null })
  })

  test("and does not answer ends doctor with 4, the reason and what to do", async () => {
    const missing: Answer = { status: 404 }
    await using claude = await startScriptedClaude({ script: [], aside: () => missing })
    const env = keyFor(claude)
    const cases = [
      [{ ...env, ANTHROPIC_API_KEY: "sk-wrong" }, NAME, "401", "ANTHROPIC_API_KEY"],
      [env, "claude-haiku-5", "404", 'did you mean "claude-haiku-5-5"?'],
      [{ ...env, ANTHROPIC_BASE_URL: "http://127.0.0.1:1" }, NAME, "did not answer: ", "http://127.0.0.1:1"],
      [{}, NAME, "ANTHROPIC_API_KEY is not set", "export ANTHROPIC_API_KEY"],
    ] as const
    for (const [given, name, reason, mend] of cases) {
      const { exit_code, stderr, model, process_labs } = await ask(given, name)
      expect({ exit_code, process_labs, answered: model.answered }).toEqual({
        ...{ exit_code: 4, process_labs: true, answered: false },
      })
      expect(stderr).toStartWith(`operator: ${name} did not answer: `)
      expect(stderr).toContain(reason)
      expect(stderr.split("→")[1]).toContain(mend)
      expect(stderr).not.toContain("sk-wrong")
    }
  })
})

describe("what process labs lack is named with what mends it, and ends with 4:", () => {
  async function expectMissing(check: string, mend: string, options: Parameters<typeof examine>[0]) {
    const { exit_code, process_labs, checks, stderr } = await examine(options)
    expect(checks[check]).toMatchObject({ state: "missing", mend: expect.stringContaining(mend) })
    expect({ exit_code, process_labs }).toEqual({ exit_code: 4, process_labs: false })
    expect(stderr).toStartWith("operator: process labs cannot run here: ")
    return checks[check]!.found
  }

  test("a shell and its tools", async () => {
    expect(await expectMissing("shell", "apt-get install", { env: { PATH: "/nowhere" } })).toContain("sh, bash, env")
  })

  test("files that may be open", async () => {
    const program = ["sh", "-c", 'ulimit -n 200 && exec "$@"', "sh", ...OPERATOR]
    expect(await expectMissing("open files", "ulimit -n 4096", { program })).toStartWith("200 a process")
  })

  test("a store of its own", async () => {
    writeFileSync(home.db, "somebody else's, and long enough not to be taken for an empty one")
    expect(await expectMissing("store", "--db FILE", {})).toContain("is not an Operator store")
  })

  test.skipIf(ISOLATED === undefined)("a loopback interface, which it leaves down", async () => {
    const twice = 'first=$("$@" 2>/dev/null); "$@"'
    const program = [...(ISOLATED ?? []), "sh", "-c", twice, "sh", ...OPERATOR]
    expect(await expectMissing("loopback", "ip link set lo up", { program })).toContain("interface is down")
  })

  test.skipIf(UNPRIVILEGED === undefined)("permission to write", async () => {
    const dir = join(home.dir, "theirs")
    mkdirSync(dir)
    for (const folder of [home.dir, dir]) chmodSync(folder, 0o555)
    const words = ["--db", join(dir, "operator.db")]
    const program = UNPRIVILEGED ?? []
    expect(await expectMissing("store", "--db FILE", { program, words })).toContain("EACCES")
    expect(await expectMissing("labs", "--db FILE", { program, words })).toContain("EACCES")
    chmodSync(home.dir, 0o755)
  })

  test.skipIf(!CAN_MOUNT)("room on the disk, and leave to run what lies on it", async () => {
    const dir = join(home.dir, "disk")
    mkdirSync(dir)
    using _disk = smallDisk(dir, "1m", ["noexec"])
    const words = ["--db", join(dir, "operator.db")]
    expect(await expectMissing("store", "free some space", { words })).toContain("; 1 MB free")
    expect(await expectMissing("labs", "without noexec", { words })).toContain("cannot be run")
    expect(readdirSync(dir)).toEqual([])
  })
})
