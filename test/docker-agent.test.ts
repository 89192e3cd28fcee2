import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { mountedFolder } from "../src/lab/platforms/docker/mounted-folder.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { discover } from "../src/lib/discovery.ts"
import type { Script } from "./scripted-claude/script.ts"
import { startScriptedClaude } from "./scripted-claude/server.ts"
import { dockerTest, labelled, TINY } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { type Home, makeHome } from "./support/operator.ts"

const TIMEOUT_MS = 300_000
const ROOT = join(import.meta.dir, "..")
const COMPOSE_FILE = join(ROOT, "compose", "agent", "compose.yaml")

/** Whoever has this variant is in the kitchen for as long as it takes to be killed there. */
const LINGERS = `name: lingers
about: waits
model: runbook
runbook: [{ reasoning: It takes its time., command: sleep 100 }]
`

let home: Home
beforeAll(() => {
  home = makeHome()
  for (const folder of ["compose", "variants"]) mkdirSync(join(home.dir, folder))
  writeFileSync(join(home.dir, "compose", "tiny.yaml"), TINY)
  writeFileSync(join(home.dir, "variants", "lingers.yaml"), LINGERS)
})
afterAll(() => home.remove())

const docker = (words: string[], env: Record<string, string> = {}) => {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["docker", ...words], { env: { ...home.env, ...env } })
  if (exitCode !== 0) throw new Error(`docker ${words.join(" ")}: ${stderr.toString()}`)
  return stdout.toString().trim()
}
const seen = (condition: () => boolean | Promise<boolean>) =>
  waitUntil(condition, { timeout_ms: 120_000, every_ms: 50 })

async function up(): Promise<{ lab: string; dir: string }> {
  const { stdout, stderr } = await home.run("up", "tiny", "--json")
  if (stdout === "") throw new Error(stderr)
  return JSON.parse(stdout)
}

dockerTest(
  "an agent that is killed in its kitchen leaves a folder in /tmp, which goes with the lab",
  async () => {
    const { lab, dir } = await up()
    const monitor = home.start("monitor", lab)
    const folder = mountedFolder(dir)

    // Whatever somebody else has put there is neither used nor removed.
    symlinkSync(home.dir, folder)
    await home.run("chaos", "inject", lab, "node_kill")
    const refused = await home.run("agent", lab, "--variant", "lingers", "--once")
    expect(refused.stderr).toContain(`${folder} is not a folder that only this user may use`)
    expect(readdirSync(home.dir)).toContain("operator.db")
    unlinkSync(folder)

    const agent = home.start("agent", lab, "--variant", "lingers")
    const working = () => existsSync(folder) && readdirSync(folder, { recursive: true }).join().includes("docker.sock")
    expect(await seen(() => working() && docker(["ps", "-q", "--filter", `label=kitchen=${lab}`]) !== "")).toBe(true)
    expect(lstatSync(folder).mode & 0o777).toBe(0o700)
    agent.kill("SIGKILL")
    await agent.exited
    expect(working()).toBe(true)

    await home.run("down", lab)
    expect(existsSync(folder)).toBe(false)
    expect(labelled(lab)).toEqual([])
    expect(await monitor.exited).toBe(0)
  },
  TIMEOUT_MS,
)

/** Looks for what must not be there, and starts what is down. */
const STARTS: Script = [
  {
    call: {
      reasoning: "Where am I?",
      command:
        "env; cat /proc/*/environ | tr '\\0' '\\n'; type operator; ls /var/run/docker.sock; docker inspect $COMPOSE_PROJECT_NAME-a-1 agent-$COMPOSE_PROJECT_NAME-agent-1 --format '{{.Name}}'",
    },
  },
  { call: { reasoning: "Start it.", command: "docker start $(docker ps -aq --filter status=exited)" } },
  {
    say: "It runs.\n\n```report\ncause: it was down\nnode: a\nkind: process\nruled_out: none\nchanged: started\n```",
  },
]

const BUILT = existsSync(join(ROOT, "dist", "operator"))
// Without the executable (`bun run build`) there is no such image; in CI it is there.
test.skipIf(WITHOUT_ENGINE || (!BUILT && !Bun.env.CI))(
  "compose/agent runs monitor and agent beside a lab, and the agent repairs it from a kitchen with neither key nor socket",
  async () => {
    const image = `kitchen-agent-test-${process.pid}`
    docker(["build", "--quiet", "--target", "agent", "--tag", image, ROOT], { DOCKER_BUILDKIT: "0" })
    const { lab } = await up()
    await using claude = await startScriptedClaude({ script: STARTS })
    const compose = (...words: string[]) =>
      docker(["compose", "--progress", "quiet", "-f", COMPOSE_FILE, ...words], {
        ...{ LAB: lab, VARIANT: "haiku", OPERATOR_HOME: home.dir, OPERATOR_IMAGE: image },
        ...{ ANTHROPIC_API_KEY: claude.key, ANTHROPIC_BASE_URL: claude.url },
      })
    try {
      compose("up", "--detach", "--no-build")
      const audit = async () => (await home.run("audit", "show", lab)).stdout
      expect(await seen(async () => (await audit()).includes("all hold"))).toBe(true)

      // A container with pids of its own sees neither owner nor guardian, and takes nobody for dead.
      const volumes = ["--volume", `${home.dir}:${home.dir}`, "--volume", "/var/run/docker.sock:/var/run/docker.sock"]
      const alone = ["run", "--rm", ...volumes, "--env", `OPERATOR_DB=${home.db}`, image, "operator"]
      expect(docker([...alone, "chaos", "sweep", "--json"])).toBe("[]")
      expect(JSON.parse(docker([...alone, "labs", "--json"]))).toMatchObject([{ lab, orphan: false }])

      await home.run("chaos", "inject", lab, "node_kill")
      expect(await seen(async () => (await audit()).includes("agrees with the claim"))).toBe(true)
      const told = await audit()
      expect(told).toContain(`/${lab}-a-1`)
      for (const missing of ["operator: not found", "cannot access '/var/run/docker.sock'", `agent-${lab}-agent-1`])
        expect(told).toContain(missing)
      for (const hidden of [claude.key, "ANTHROPIC", "[redacted]", `/agent-${lab}-agent-1`])
        expect(told).not.toContain(hidden)

      await home.run("down", lab)
      const ended = () => compose("ps", "--all", "--format", "{{.Service}} {{.ExitCode}} {{.State}}").split("\n").sort()
      expect(await seen(() => ended().join() === "agent 0 exited,monitor 0 exited")).toBe(true)
    } finally {
      compose("down")
      docker(["image", "rm", image])
    }
  },
  TIMEOUT_MS,
)

test("the folder of compose/agent is not taken for a subject", () => {
  expect(existsSync(COMPOSE_FILE)).toBe(true)
  const names = discover("compose", ROOT).map(({ name }) => name)
  expect(names).toContain("etcd")
  expect(names).not.toContain("compose")
  expect(names).not.toContain("agent")
})
