import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { quoted } from "../src/lab/platforms/programs.ts"
import { BUILT_IN } from "../src/chaos/catalogue.ts"
import { openStore } from "../src/store/open.ts"
import { type Home, makeHome, OPERATOR } from "./support/operator.ts"
import { atKeyboard } from "./support/keyboard.ts"
import { recordCampaign, recordLab, recordTrial } from "./support/stored-lab.ts"

/** Shells start slowly on a machine that has other things to do. */
setDefaultTimeout(60_000)

const CAMPAIGN = "2026-01-28T12-00-00-cccc0001"
const TRIAL = "2026-01-28T12-00-00-aaaa0001"

let home: Home
let env: Record<string, string>
beforeAll(() => {
  home = makeHome()
  const bin = join(home.dir, "bin")
  mkdirSync(bin)
  writeFileSync(join(bin, "operator"), `#!/bin/sh\nexec ${OPERATOR.map(quoted).join(" ")} "$@"\n`)
  chmodSync(join(bin, "operator"), 0o755)
  env = { ...home.env, PATH: `${bin}:${home.env.PATH}`, TERM: "dumb" }
  const store = openStore(home.db)
  recordCampaign(store, CAMPAIGN)
  recordTrial(store, CAMPAIGN, TRIAL)
  recordLab(store, "kv-1")
  recordLab(store, "kv-2", TRIAL)
  store.close()
})
afterAll(() => home.remove())

async function candidates(...words: string[]): Promise<string[]> {
  const { stdout, stderr, exit_code } = await home.run("part", "complete", "--", ...words)
  expect({ stderr, exit_code }).toEqual({ stderr: "", exit_code: 0 })
  return stdout.split("\n").slice(0, -1)
}

describe("the candidates", () => {
  test("of a kind come from the working directory, the executable and the store", async () => {
    expect(await candidates("campaign", "q")).toEqual(["quickstart"])
    expect(await candidates("campaign", "--variant", "o")).toEqual(["oracle"])
    expect(await candidates("campaign", "--fault", "")).toEqual([...BUILT_IN.map(({ name }) => name), "counter_drift"])
    expect(await candidates("agent", "--variant", "re")).toEqual(["restart-bot"])
    expect(await candidates("agent", "kv-1", "kv")).toEqual(["kv-1", "kv-2"])
    expect(await candidates("campaign", "--subject", "ratelimiter", "--target", "l")).toContain("limiter-b")
    expect(await candidates("up", "r")).toEqual(["ratelimiter"])
    expect(await candidates("subjects", "")).toEqual(["list", "show", "init", "check"])
    expect(await candidates("subjects", "check", "ra")).toEqual(["ratelimiter"])
    expect(await candidates("variants", "show", "ha")).toEqual(["haiku"])
    expect(await candidates("campaigns", "show", "q")).toEqual(["quickstart"])
    expect(await candidates("monitor", "")).toEqual(["kv-1", "kv-2"])
    expect(await candidates("audit", "show", "")).toEqual(["last", TRIAL, "kv-2", "kv-1"])
    expect(await candidates("eval", "show", "2026-01-28T12-00-00-c")).toEqual([CAMPAIGN])
  })

  test("come from the store that the line names", async () => {
    const other = join(home.dir, "other.db")
    const store = openStore(other)
    recordLab(store, "etcd-9")
    store.close()
    expect(await candidates("down", "--db", other, "")).toEqual(["etcd-9"])
    const missing = await home.run("part", "complete", "--", "down", "--db", join(home.dir, "none.db"), "")
    expect(missing).toMatchObject({ stdout: "", exit_code: 2 })
  })

  test("are what can be read, where somebody else's files cannot", async () => {
    const theirs = join(home.dir, "theirs", "compose")
    mkdirSync(theirs, { recursive: true })
    writeFileSync(join(theirs, "broken.yaml"), "services: [\n")
    writeFileSync(join(theirs, "list.yaml"), "- 1\n")
    writeFileSync(join(theirs, "mine.yaml"), "x-operator: {faults: {my_fault: {}}}\n")
    const command = [...OPERATOR, "part", "complete", "--", "campaign", "--fault", ""]
    const { stdout, stderr } = Bun.spawnSync(command, { cwd: join(home.dir, "theirs"), env })
    expect([stdout.toString(), stderr.toString()]).toEqual([
      `${[...BUILT_IN.map(({ name }) => name), "my_fault", "counter_drift"].join("\n")}\n`,
      "",
    ])
  })
})

describe("bash", () => {
  /** What bash would offer for a line of these words, of which the last is being completed. */
  function offered(...words: string[]): string[] {
    const script = `eval "$(operator completions bash)"
      completer=$(complete -p operator) && completer=\${completer##*-F } && completer=\${completer%% *}
      COMP_WORDS=(operator "$@") COMP_CWORD=$#
      "$completer" operator && printf '%s\\n' "\${COMPREPLY[@]}"`
    const command = ["bash", "--noprofile", "--norc", "-c", script, "bash", ...words]
    const { stdout, stderr } = Bun.spawnSync(command, { cwd: home.dir, env })
    expect(stderr.toString()).toBe("")
    return stdout.toString().trimEnd().split("\n")
  }

  test("offers commands, flags, ids and values", () => {
    expect(offered("chaos", "in")).toEqual(["inject"])
    expect(offered("campaign", "--fault", "=", "node")).toEqual(["node_kill", "node_crash", "node_pause"])
    expect(offered("campaign", "--stab")).toEqual(["--stable"])
    expect(offered("exec", "kv")).toEqual(["kv-1", "kv-2"])
    expect(offered("exec", "kv-1", "--", "")).toEqual([""])
  })

  test("completes what is typed, with a file where nothing else fits", async () => {
    using keyboard = atKeyboard(["bash", "--noprofile", "--norc", "-i"], { ...env, PS1: "> " }, home.dir)
    await keyboard.type('eval "$(operator completions bash)" && echo lo""aded\n', "loaded")
    await keyboard.type("operator chaos inj\t", "operator chaos inject ")
    await keyboard.type("kv-1 --target=min\t", "--target=minority ")
    await keyboard.type("\x15operator campaign bi\t", "operator campaign bin/")
  })
})

describe.if(Bun.which("zsh") !== null)("zsh (left out where there is none)", () => {
  test("completes what is typed", async () => {
    using keyboard = atKeyboard(["zsh", "-f", "-i"], { ...env, PS1: "> " }, home.dir)
    await keyboard.type("autoload -Uz compinit && compinit -D -u && echo re''ady\n", "ready")
    await keyboard.type("source <(operator completions zsh) && echo lo''aded\n", "loaded")
    await keyboard.type("operator chaos inj\t", "inject ")
    await keyboard.type("kv-1 --target=min\t", /ority ?/)
    await keyboard.type("\x15operator campaign bi\t", "n/")
  })
})

describe.if(Bun.which("fish") !== null)("fish (left out where there is none)", () => {
  function offered(line: string): string[] {
    const script = `operator completions fish | source; complete -C '${line}'`
    const { stdout, stderr } = Bun.spawnSync(["fish", "--no-config", "-c", script], { cwd: home.dir, env })
    expect(stderr.toString()).toBe("")
    return stdout.toString().trimEnd().split("\n")
  }

  test("offers commands, flags, ids, values and files", () => {
    expect(offered("operator chaos in")).toEqual(["inject"])
    expect(offered("operator campaign --fault=node")).toEqual(["--fault=node_kill", "--fault=node_pause"])
    expect(offered("operator exec kv").sort()).toEqual(["kv-1", "kv-2"])
    expect(offered("operator completions ").sort()).toEqual(["bash", "fish", "zsh"])
    expect(offered("operator campaign bi")).toEqual(["bin/"])
  })
})
