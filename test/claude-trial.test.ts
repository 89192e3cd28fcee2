import { expect, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Result } from "../src/eval/results.ts"
import { type Event, events } from "../src/store/events.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { OUT_OF_DOLLARS } from "../src/store/spending.ts"
import { readText } from "../src/store/texts.ts"
import { listTrials } from "../src/store/trials.ts"
import type { Answer, Script } from "./scripted-claude/script.ts"
import { readScript } from "./scripted-claude/script-file.ts"
import { type ScriptedClaude, startScriptedClaude } from "./scripted-claude/server.ts"
import { type Ended, makeHome } from "./support/operator.ts"

// Trials in which the scripted Claude works the tickets of a real rate limiter, through the command line and real HTTP.

const LIMITS = ["--stable", "2s", "--verify", "1s", "--grace", "1s", "--deadline", "20s", "--symptom-within", "6s"]
const KILL = ["campaign", "--subject", "ratelimiter", "--fault", "node_kill", "--json", ...LIMITS]
const CLAUDE = ["--variant", "default"]
const SHELL = "--allow-host-shell"
const KEY = "a-key-that-nobody-may-see"
const TIMEOUT_MS = 120_000

function scriptOf(name: string): Promise<Script> {
  return readScript(join(import.meta.dir, "scripted-claude", "scripts", `${name}.yaml`))
}

/** A home that talks to this Claude, and is looked through for what was left behind when it goes. */
function homeWith({ url, key }: Pick<ScriptedClaude, "url" | "key">) {
  const home = makeHome()
  home.env.ANTHROPIC_BASE_URL = url
  home.env.ANTHROPIC_API_KEY = key
  const leave = async () => {
    const residue = home.residue()
    await home.remove()
    expect(residue).toEqual([])
  }
  return { ...home, [Symbol.asyncDispose]: leave }
}

interface Played extends Ended {
  trial: Result
  log: Event[]
  prompt: string
}

/** One trial of a killed node, in which these answers are given. */
async function play(script: Script, variant = CLAUDE): Promise<Played> {
  await using claude = await startScriptedClaude({ script, key: KEY })
  await using home = homeWith(claude)
  const ended = await home.run(...KILL, ...variant, SHELL)
  expect(claude.violations).toEqual([])
  const trial = (JSON.parse(ended.stdout) as { trials: Result[] }).trials.at(-1)!
  const store = openStoreReadOnly(home.db)
  const log = events(store, trial.lab!)
  const [page] = kinds(log, "page")
  const prompt = page ? readText(store, page.body.system).content : ""
  store.close()
  return { ...ended, trial, log, prompt }
}

function kinds<K extends Event["kind"]>(log: readonly Event[], kind: K): Event<K>[] {
  return log.filter((event): event is Event<K> => event.kind === kind)
}

test.concurrent(
  "a lab that Claude repairs is repaired, and the log holds what it was told, thought, ran and cost",
  async () => {
    const { trial, log, prompt, exit_code } = await play(await scriptOf("repairs"))
    expect(exit_code).toBe(0)
    expect([trial.verdict, trial.facts!.lifted_by, trial.facts!.harm]).toEqual(["repaired", "agent", "none"])
    expect(kinds(log, "page")[0]!.body.text).toContain("node_running of limiter-")
    expect(prompt).toContain("on call")
    const { model, thinking, cost_usd } = kinds(log, "message")[0]!.body
    expect(model).toBe("claude-opus-5-5")
    expect(thinking).toContain("symptom")
    expect(cost_usd).toBeGreaterThan(0)
    const ended = kinds(log, "session.ended")[0]!.body
    expect(ended.cost_usd).toBeGreaterThan(cost_usd!)
    expect(ended.totals!.cache_hit_rate).toBeGreaterThan(0.3)
    expect(ended.diagnosis!.kind).toBe("process")
    expect(kinds(log, "session.verified").map(({ body }) => body.verified)).toEqual([true])
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a false claim is claimed, and the lab is unrepaired",
  async () => {
    const { trial } = await play(await scriptOf("claims"))
    expect(trial.verdict).toBe("unrepaired")
    expect(trial.facts!.sessions[0]!.outcome).toEqual({ kind: "claims_done" })
    expect(trial.facts!.sessions[0]!.verified).toBe(false)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "who gives up hands the tickets to a person, and the trial ends early",
  async () => {
    const { trial, log } = await play(await scriptOf("gives-up"))
    expect(trial.verdict).toBe("unrepaired")
    expect(trial.facts!.sessions.map(({ outcome }) => outcome?.kind)).toEqual(["gave_up"])
    expect(kinds(log, "ticket.escalated").length).toBeGreaterThan(0)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a model that cannot be reached makes an error of the trial, and is nobody's failure to repair",
  async () => {
    const down: Answer = { status: 503, headers: { "x-should-retry": "false" } }
    const { trial, exit_code } = await play([down, down])
    expect(trial.verdict).toBe("error")
    expect(trial.reason).toContain("503")
    expect(exit_code).toBe(1)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a campaign without a dollar left ends the trial as an error, and runs no other",
  async () => {
    await using claude = await startScriptedClaude({ script: await scriptOf("repairs") })
    await using home = homeWith(claude)
    const { exit_code, stdout, stderr } = await home.run(...KILL, ...CLAUDE, SHELL, "--usd", "0.345", "-n", "2")
    expect(exit_code).toBe(3)
    expect(stderr).toContain("dollars are used up")
    expect((JSON.parse(stdout) as { spent_usd: number }).spent_usd).toBeLessThan(0.345)
    const none = await home.run(...KILL, ...CLAUDE, SHELL, "--usd", "0.01")
    expect([none.exit_code, none.stdout]).toEqual([2, ""])
    expect(none.stderr).toContain("the limit is $0.01")
    const store = openStoreReadOnly(home.db)
    const trials = listTrials(store)
    store.close()
    expect(trials.some(({ reason }) => reason?.startsWith(OUT_OF_DOLLARS))).toBe(true)
    expect(trials.every(({ stage }) => stage === "error")).toBe(true)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "the key is in no process of the lab, no file of it, and not in the shell",
  async () => {
    const command = `
      for pid in $(cat "$LAB"/*/pid) $(pgrep -f "part (workload|guardian).*"); do
        grep -qsa "a-key-that-[n]obody" /proc/$pid/environ && echo "in process $pid"
      done
      grep -rls "a-key-that-[n]obody" "$LAB"
      env | grep ANTHROPIC
      echo looked`
    const { log } = await play([{ call: { reasoning: "Look for it.", command } }, { say: "ESCALATE: seen" }])
    expect(kinds(log, "result").map(({ body }) => body.shown.trim())).toEqual(["looked"])
  },
  TIMEOUT_MS,
)

test.concurrent(
  "Claude is not let into this machine's own shell without leave, and needs a key and a price",
  async () => {
    await using home = homeWith({ url: "http://127.0.0.1:9", key: "" })
    const shell = await home.run(...KILL, ...CLAUDE)
    expect([shell.exit_code, shell.stdout]).toEqual([2, ""])
    expect(shell.stderr).toContain(SHELL)
    const key = await home.run(...KILL, ...CLAUDE, SHELL)
    expect([key.exit_code, key.stdout]).toEqual([4, ""])
    expect(key.stderr).toContain("export ANTHROPIC_API_KEY=")
    writeFileSync(join(home.dir, "odd.yaml"), "name: odd\nabout: nobody knows it\nmodel: claude-odd-9\n")
    const price = await home.run(...KILL, "--variant", "odd.yaml", SHELL)
    expect([price.exit_code, price.stdout]).toEqual([2, ""])
    expect(price.stderr).toContain("what claude-odd-9 costs is not known")
    expect(readdirSync(home.dir)).not.toContain("labs")
    expect((await home.run(...KILL, ...CLAUDE, "--dry-run")).exit_code).toBe(0)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a model that nobody knows is warned of, and tried as it is",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "operator-variant-"))
    const file = join(folder, "odd.yaml")
    writeFileSync(file, "name: odd\nabout: unknown\nmodel: claude-odd-9\nlimits: { usd: none }\n")
    const { stderr, log } = await play([{ say: "ESCALATE: no" }], ["--variant", file])
    rmSync(folder, { recursive: true })
    expect(stderr).toContain("nothing is known of the model claude-odd-9")
    expect(kinds(log, "session.ended")[0]!.body.cost_usd).toBeNull()
  },
  TIMEOUT_MS,
)
