import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { LEASE_MS } from "../src/agent/limits.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { type Event, events } from "../src/store/events.ts"
import { getLab } from "../src/store/labs.ts"
import { openStore, openStoreReadOnly, type Store } from "../src/store/open.ts"
import { type Session, sessionsOf } from "../src/store/sessions.ts"
import { listTickets, openTickets } from "../src/store/tickets.ts"
import type { Script } from "./scripted-claude/script.ts"
import { readScript } from "./scripted-claude/script-file.ts"
import { type ScriptedClaude, startScriptedClaude } from "./scripted-claude/server.ts"
import { type Home, makeHome, OPERATOR } from "./support/operator.ts"
import { refusal } from "./support/refusal.ts"
import { recordCampaign, recordLab, recordTrial } from "./support/stored-lab.ts"

/** Of somebody on call whom no model has answered. */
const PAUSE_MS = 30_000

/** Labs come up, monitors verify, and one test outwaits a lease. */
setDefaultTimeout(120_000)

const SOON = { timeout_ms: 30_000, every_ms: 20 }

let home: Home
let store: Store
beforeAll(async () => {
  home = makeHome()
  mkdirSync(join(home.dir, "variants"))
  writeFileSync(join(home.dir, "variants", "slow.yaml"), SLOW)
  openStore(home.db).close()
  store = openStoreReadOnly(home.db)
})
afterAll(async () => {
  store.close()
  await home.remove()
})

/** Starts dead nodes after a while, so that two who did it at once would meet. */
const SLOW = `name: slow
about: starts what is dead, in no hurry
model: runbook
runbook:
  - reasoning: It can wait a second.
    command: |
      sleep 1
      for folder in "$LAB"/*/; do [ ! -x "$folder/start" ] || "$folder/start"; done
says: Everything runs.
`

interface Raised extends AsyncDisposable {
  id: string
  /** Kills a node, and resolves when the monitor has opened a ticket for it. */
  breakNode(name?: string): Promise<void>
  sessions(): Session[]
  log(): Event[]
  tickets(): string[]
}

/** A lab under load, and a monitor that watches it. */
async function raise(): Promise<Raised> {
  const { stdout, stderr } = await home.run("up", "ratelimiter", "--json")
  if (stdout === "") throw new Error(stderr)
  const { lab: id, dir } = JSON.parse(stdout) as { lab: string; dir: string }
  const monitor = home.start("monitor", id)
  await until(() => getLab(store, id)!.holds_since_ms !== null)
  return {
    id,
    breakNode: async (name = "limiter-b") => {
      process.kill(Number(readFileSync(join(dir, name, "pid"), "utf8")), "SIGKILL")
      await until(() => openTickets(store, id).length > 0)
    },
    sessions: () => sessionsOf(store, id),
    log: () => events(store, id),
    tickets: () => listTickets(store, { lab: id }).map(({ state }) => state),
    [Symbol.asyncDispose]: async () => {
      monitor.kill("SIGINT")
      await monitor.exited
      await home.run("down", id)
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  if (!(await waitUntil(condition, SOON))) throw new Error(`it did not come: ${condition}`)
}

interface Daemon {
  child: Bun.Subprocess<"ignore", "pipe", "pipe">
  /** How it ended, with what it printed. */
  ended: Promise<{ exit_code: number; stdout: string; stderr: string }>
}

/** Somebody on call for a lab. */
function onCall(lab: Raised, words: string[], claude?: ScriptedClaude): Daemon {
  const env = { ...home.env, ...(claude && { ANTHROPIC_BASE_URL: claude.url, ANTHROPIC_API_KEY: claude.key }) }
  const host = claude ? ["--variant", "haiku", "--allow-host-shell"] : []
  const child = Bun.spawn([...OPERATOR, "agent", lab.id, "--verify", "1s", ...host, ...words], {
    ...{ cwd: home.dir, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  })
  const said = Promise.all([child.stdout.text(), child.stderr.text()])
  const ended = said.then(async ([stdout, stderr]) => ({ stdout, stderr, exit_code: await child.exited }))
  return { child, ended }
}

const scripted = (name: string) => readScript(join(import.meta.dir, "scripted-claude", "scripts", `${name}.yaml`))

const claudeWith = async (script: Script | string) =>
  startScriptedClaude({ script: typeof script === "string" ? await scripted(script) : script })

const HANGS: Script = [{ call: { reasoning: "this takes its time", command: 'touch "$LAB/began"; sleep 60' } }]

describe("Claude on call", () => {
  test("repairs a killed node, and the next one: what was verified does not count against the lab", async () => {
    await using lab = await raise()
    await using claude = await claudeWith("repairs")
    const { child, ended } = onCall(lab, [], claude)
    for (const [round, node] of ["limiter-a", "limiter-b", "limiter-c"].entries()) {
      await lab.breakNode(node)
      await until(() => lab.sessions()[round]?.verified === 1 && openTickets(store, lab.id).length === 0)
      expect(getLab(store, lab.id)!.attempts).toBe(0)
    }
    child.kill("SIGINT")
    const { exit_code, stdout, stderr } = await ended
    expect({ exit_code, violations: claude.violations }).toEqual({ exit_code: 130, violations: [] })
    expect(stderr).toBe(`haiku is on call for ${lab.id}; Ctrl-C ends it\n`)
    const line = (text: string) => expect(stdout).toMatch(new RegExp(`^[\\d:.]+  ${lab.id}  ${text}$`, "m"))
    line("agent +haiku claims the lab, attempt 1 \\(session .*\\)")
    line("command 3 Start each node whose process is dead .*  \\$ cd .*")
    line("result 3 +exit 0 in .*, \\d+ bytes")
    line("agent +claims to be done, after 5 steps; cost \\$0\\.\\d+.*")
    line("monitor +agrees with the claim after .*")
    expect(claude.requests[0]!.text).toContain("A distributed rate limiter: nodes http://127.0.0.1:")
  })

  test("hands the tickets over when it gives up, and is not called to them again", async () => {
    await using lab = await raise()
    await using claude = await claudeWith("gives-up")
    await lab.breakNode()
    const { exit_code, stdout, stderr } = await onCall(lab, ["--once", "--json"], claude).ended
    expect({ exit_code, handed_over: stderr.includes("is handed over to a person") }).toEqual({
      exit_code: 0,
      handed_over: true,
    })
    const lines = stdout.trim().split("\n")
    const kinds = lines.map((line) => (JSON.parse(line) as { kind: string }).kind)
    expect(kinds.filter((kind) => kind !== "ticket.escalated")).toEqual([
      ...["session.claimed", "command", "result", "session.ended"],
    ])
    expect(JSON.parse(lines[0]!)).toMatchObject({ lab: lab.id, variant: "haiku", attempt: 1 })
    expect(new Set(lab.tickets())).toEqual(new Set(["escalated"]))
    expect((await onCall(lab, ["--once"], claude).ended).exit_code).toBe(0)
    expect(lab.sessions()).toMatchObject([{ outcome: { kind: "gave_up" }, verified: null }])
  })

  test("that nobody answers ends --once as a lack of the environment: the tickets stay open, and no attempt is counted", async () => {
    await using lab = await raise()
    await using claude = await startScriptedClaude({ answers: () => ({ status: 404 }) })
    await lab.breakNode()
    const { exit_code, stderr } = await onCall(lab, ["--once"], claude).ended
    expect({ exit_code, stderr }).toEqual({ exit_code: 4, stderr: expect.any(String) })
    expect(stderr).toContain(`no model answered for ${lab.id}, whose tickets stay open`)
    expect(stderr).toContain(`operator: no model answered for ${lab.id}\n`)
    expect(stderr).not.toContain("handed over")
    expect(lab.sessions()).toMatchObject([{ attempt: 1, outcome: { kind: "model_error", unreachable: true } }])
    expect(getLab(store, lab.id)).toMatchObject({ session: null, attempts: 0 })
    expect(new Set(lab.tickets())).toEqual(new Set(["open"]))

    // Whoever comes next has all attempts left. On call for longer, it pauses before it asks again; a signal ends the pause.
    const { child, ended } = onCall(lab, [], claude)
    await until(() => lab.sessions()[1]?.ended_at != null)
    const signalled_ms = performance.now()
    child.kill("SIGINT")
    expect((await ended).exit_code).toBe(130)
    expect(performance.now() - signalled_ms).toBeLessThan(PAUSE_MS / 2)
    expect(lab.sessions().map(({ attempt }) => attempt)).toEqual([1, 1])
    expect(new Set(lab.tickets())).toEqual(new Set(["open"]))
  })

  test("is ended by a signal in the midst of a command: the session is interrupted, and the lab given back", async () => {
    await using lab = await raise()
    await using claude = await claudeWith(HANGS)
    await lab.breakNode()
    const { child, ended } = onCall(lab, [], claude)
    await until(() => lab.log().some(({ kind }) => kind === "command"))
    child.kill("SIGTERM")
    expect((await ended).exit_code).toBe(130)
    expect(lab.sessions()).toMatchObject([{ outcome: { kind: "interrupted" }, verified: null }])
    expect(lab.log().find(({ kind }) => kind === "result")?.body).toMatchObject({ ended_by: "interrupted" })
    expect(getLab(store, lab.id)!.session).toBeNull()
    expect(new Set(lab.tickets())).toEqual(new Set(["open"]))
  })

  test("is ended by a signal in the midst of an answer", async () => {
    await using lab = await raise()
    await using claude = await claudeWith([{ say: "never heard to its end", stalls_ms: 60_000 }])
    await lab.breakNode()
    const { child, ended } = onCall(lab, [], claude)
    await until(() => claude.requests.length === 1)
    child.kill("SIGINT")
    expect((await ended).exit_code).toBe(130)
    expect(lab.sessions()).toMatchObject([{ outcome: { kind: "interrupted" }, steps: 0 }])
    expect(getLab(store, lab.id)!.session).toBeNull()
  })
})

describe("two on call", () => {
  test("never work one lab together", async () => {
    await using lab = await raise()
    const both = [1, 2].map(() => onCall(lab, ["--variant", "slow"]))
    for (const round of [0, 1, 2]) {
      await lab.breakNode()
      await until(() => lab.sessions()[round]?.verified === 1)
    }
    for (const { child } of both) child.kill("SIGINT")
    expect((await Promise.all(both.map(({ ended }) => ended))).map(({ exit_code }) => exit_code)).toEqual([130, 130])
    const turns = lab
      .log()
      .flatMap(({ kind }) => (kind === "session.claimed" || kind === "session.verified" ? [kind] : []))
    expect(turns).toEqual([0, 1, 2].flatMap(() => ["session.claimed", "session.verified"] as const))
  })

  test.concurrent(
    "where one is killed: the other takes over when the lease has run out, with the next attempt",
    async () => {
      await using lab = await raise()
      await using claude = await claudeWith(HANGS)
      await lab.breakNode()
      const { child, ended } = onCall(lab, [], claude)
      await until(() => lab.log().some(({ kind }) => kind === "command"))
      child.kill("SIGKILL")
      await ended
      const other = onCall(lab, ["--variant", "slow"])
      expect(await waitUntil(() => lab.sessions()[1]?.verified === 1, { ...SOON, timeout_ms: LEASE_MS * 2 })).toBe(true)
      other.child.kill("SIGINT")
      expect((await other.ended).exit_code).toBe(130)
      const [killed, next] = lab.sessions()
      expect([killed, next]).toMatchObject([
        { variant: "haiku", attempt: 1, outcome: { kind: "halted" }, cost_usd: null },
        { variant: "slow", attempt: 2, outcome: { kind: "claims_done" } },
      ])
      // The lease was renewed last before the command.
      expect(Date.parse(next!.started_at) - Date.parse(killed!.started_at)).toBeGreaterThan(LEASE_MS)
    },
  )

  test.concurrent("to whom Claude claims what is not so: it is tried twice, and handed over", async () => {
    await using lab = await raise()
    await using claude = await claudeWith("claims")
    await lab.breakNode()
    const { exit_code, stdout } = await onCall(lab, ["--once"], claude).ended
    expect(exit_code).toBe(0)
    expect(stdout.match(/does not agree with the claim/g)).toHaveLength(2)
    expect(lab.sessions()).toMatchObject([
      { attempt: 1, verified: 0 },
      { attempt: 2, verified: 0 },
    ])
    expect(new Set(lab.tickets())).toEqual(new Set(["escalated"]))

    // A person may hand them back, and the lab has all its attempts again.
    const [first, ...others] = listTickets(store, { lab: lab.id })
    expect(first!.reason).toBe("attempt 2: it said that it was done, and the monitor did not agree")
    for (const { id } of [first!, ...others]) expect((await home.run("tickets", "release", id)).exit_code).toBe(0)
    expect(getLab(store, lab.id)!.attempts).toBe(0)
    expect(new Set(lab.tickets())).toEqual(new Set(["open"]))
    expect((await onCall(lab, ["--once", "--variant", "slow"]).ended).exit_code).toBe(0)
    expect(lab.sessions()[2]).toMatchObject({ variant: "slow", attempt: 1, verified: 1 })
    expect(new Set(lab.tickets())).toEqual(new Set(["resolved"]))
  })
})

describe("nobody is put on call", () => {
  const refusing = async (work: (home: Home) => Promise<void>) => {
    const other = makeHome()
    const store = openStore(other.db)
    recordCampaign(store, "c-1")
    recordTrial(store, "c-1", "t-1")
    recordLab(store, "kv-1")
    recordLab(store, "kv-trial", "t-1")
    store.close()
    mkdirSync(join(other.dir, "variants"))
    const unheard = "name: unheard\nabout: nobody knows it\nmodel: claude-unheard-of\n"
    writeFileSync(join(other.dir, "variants", "unheard.yaml"), unheard)
    await work(other)
    await other.remove()
  }

  test("as Claude on this very machine, unless that is allowed", () =>
    refusing(async (home) => {
      expect(await refusal(home, ["agent", "--once", "--variant", "haiku"])).toContain("--allow-host-shell")
      expect(await refusal(home, ["agent", "--once", "kv-1"])).toContain("--allow-host-shell")
    }))

  test("as Claude without a key, or with a limit in dollars for what has no price", () =>
    refusing(async (home) => {
      expect(await refusal(home, ["agent", "--once", "--allow-host-shell"], 4)).toContain("ANTHROPIC_API_KEY")
      home.env.ANTHROPIC_API_KEY = "sk"
      const words = ["agent", "--once", "--allow-host-shell", "--variant", "unheard"]
      expect(await refusal(home, words)).toMatch(
        /what claude-unheard-of costs is not known.*\n.*--prices FILE.*usd: none/,
      )
      expect(await refusal(home, [...words, "--prices", "none.yaml"])).toContain("there is no such file")
    }))

  test("as one who needs a trial, or is nobody, or for a trial's lab", () =>
    refusing(async (home) => {
      expect(await refusal(home, ["agent", "--once", "--variant", "oracle"])).toContain(
        "only repairs what a trial has broken",
      )
      expect(await refusal(home, ["agent", "--once", "--variant", "nobody"])).toContain("is nobody")
      expect(await refusal(home, ["agent", "--once", "kv-trial", "--variant", "restart-bot"])).toContain(
        "belongs to the trial t-1",
      )
    }))

  test("for what no monitor watches: it is named, with the command that mends it", () =>
    refusing(async (home) => {
      const { exit_code, stdout, stderr } = await home.run("agent", "--once", "--variant", "restart-bot")
      expect({ exit_code, stdout }).toEqual({ exit_code: 0, stdout: "" })
      expect(stderr).toContain("kv-1 has no monitor, so nobody could verify a repair: operator monitor kv-1\n")
      expect(stderr).not.toContain("kv-trial")
    }))
})
