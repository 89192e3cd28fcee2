import { afterAll, beforeAll, expect } from "bun:test"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import { events, firstBreak } from "../src/store/events.ts"
import type { EventKind } from "../src/store/kinds.ts"
import { openStoreReadOnly, type Store } from "../src/store/open.ts"
import { sessionsOf } from "../src/store/sessions.ts"
import { listTickets } from "../src/store/tickets.ts"
import { dockerTest, labelled } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { type Home, makeHome, OPERATOR } from "./support/operator.ts"
import { type Project, startProject, text } from "./support/project.ts"

/** The kitchen's image is built when this machine does not have it yet. */
const TIMEOUT_MS = 400_000
const SOON = { timeout_ms: 30_000, every_ms: 20 }

let home: Home
let project: Project
let lab: string
/** What the project held before anything of Operator's saw it. */
let before: string[]

beforeAll(async () => {
  if (WITHOUT_ENGINE) return
  home = makeHome()
  mkdirSync(join(home.dir, "variants"))
  for (const [name, commands] of Object.entries(RUNBOOKS)) {
    const runbook = commands.map((command) => ({ reasoning: "as the runbook says", command }))
    const variant = { name, about: name, model: "runbook", runbook, says: "It is done." }
    writeFileSync(join(home.dir, "variants", `${name}.yaml`), JSON.stringify(variant))
  }
  project = await startProject()
  before = project.everything()
}, TIMEOUT_MS)
afterAll(async () => {
  await home?.remove()
  await project?.[Symbol.asyncDispose]()
}, TIMEOUT_MS)

/** Each is told of its results by the log. PROJECT stands for the project's name. */
const RUNBOOKS = {
  looks: [
    `docker ps -a --format '{{.Names}}' | sort; docker network ls --format '{{.Name}}'; docker volume ls --format '{{.Name}}'; ls /work`,
    "docker exec $COMPOSE_PROJECT_NAME-door-1 cat /host/hostname",
    "docker cp $COMPOSE_PROJECT_NAME-door-1:/host/hostname -",
    "docker run --rm --network container:$COMPOSE_PROJECT_NAME-door-1 debian:trixie-slim true",
    "docker run --rm --network none -v /etc:/host:ro debian:trixie-slim true",
    "docker run --rm --network none --label lab=x debian:trixie-slim true",
    `docker start $COMPOSE_PROJECT_NAME-db-1 && docker compose start web && timeout 20 bash -c 'until curl -sf http://web:8080/; do sleep 0.1; done'`,
    "docker run --detach --name $COMPOSE_PROJECT_NAME-helper --network ${COMPOSE_PROJECT_NAME}_back debian:trixie-slim sleep 600",
  ],
  hangs: ["sleep 300"],
}

async function ends(exit_code: number, ...words: string[]): Promise<{ stdout: string; stderr: string }> {
  const ended = await home.run(...words)
  expect({ words, exit_code: ended.exit_code, stderr: ended.stderr }).toMatchObject({ words, exit_code })
  return ended
}

const adopt = (...words: string[]) => ["adopt", project.name, "--subject", project.subject, ...words]

function inStore<T>(look: (store: Store) => T): T {
  const store = openStoreReadOnly(home.db)
  try {
    return look(store)
  } finally {
    store.close()
  }
}

async function until(condition: () => boolean): Promise<void> {
  if (!(await waitUntil(condition, SOON))) throw new Error(`it did not come: ${condition}`)
}

const has = (kind: EventKind) => inStore((store) => events(store, lab, { kinds: [kind] }).length > 0)
const openTickets = () =>
  inStore((store) => listTickets(store, { lab }))
    .filter(({ state }) => state === "open")
    .map(({ invariant, node }) => `${invariant} ${node.replace(`${project.name}-`, "")}`)
    .sort()

dockerTest(
  "what cannot be adopted is refused, with what was meant",
  async () => {
    const wrong = project.name.replace("shop", "shap")
    expect((await ends(2, "adopt", wrong, "--subject", project.subject)).stderr).toContain(project.name)
    expect((await ends(2, "adopt", project.name)).stderr).toContain("--subject")
    const missing = await ends(2, "adopt", project.name, "--subject", "etcd")
    expect(missing.stderr).toContain(`the project ${project.name} has not: etcd0, etcd1, etcd2, prometheus`)
    expect(missing.stderr).toContain("its services: db, door, init, web")
    const env = { ...home.env, DOCKER_HOST: "unix:///nowhere.sock" }
    const child = Bun.spawn([...OPERATOR, ...adopt()], { cwd: home.dir, env, stderr: "pipe" })
    expect(await child.stderr.text()).toContain("no Docker engine answers")
    expect(await child.exited).toBe(4)
    expect(existsSync(join(home.dir, "labs"))).toBe(false)
  },
  TIMEOUT_MS,
)

dockerTest(
  "a project is adopted once, is a lab like others, and nothing in it is changed",
  async () => {
    const [one, two] = await Promise.all([ends(0, ...adopt("--json")), ends(0, ...adopt("--json"))])
    const adopted = JSON.parse(one.stdout)
    lab = adopted.lab as string
    expect([JSON.parse(two.stdout).lab, new Set([adopted.again, JSON.parse(two.stdout).again]).size]).toEqual([lab, 2])
    expect((await ends(0, ...adopt())).stdout).toBe(`${lab}\n`)
    expect(adopted).toMatchObject({
      project: project.name,
      unwatched: ["door"],
      closed: [{ node: `${project.name}-door-1`, reason: "mounts /etc of this machine" }],
      nodes: [
        { state: "running", url: expect.stringMatching(/^http:\/\/\d/) },
        { state: "running" },
        { state: "exited" },
      ],
    })
    const other = join(home.dir, "other.yaml")
    writeFileSync(other, "services: { web: {} }")
    expect((await ends(2, "adopt", project.name, "--subject", other)).stderr).toContain(`adopted already as ${lab}`)
    const listed = JSON.parse((await ends(0, "labs", "--json")).stdout)
    expect(listed).toMatchObject([{ lab, adopted: project.name, orphan: false, deadline_at: null }])
    const { stdout } = await ends(0, "exec", lab, "web", "--", "sh", "-c", "echo $0 in there")
    expect(stdout).toContain("in there")
    expect(labelled(lab)).toEqual([])
    expect(project.everything()).toEqual(before)
  },
  TIMEOUT_MS,
)

dockerTest(
  "what stops in it is a ticket, and an agent repairs it through a kitchen in which nothing else exists",
  async () => {
    const monitor = home.start("monitor", lab, "--json")
    await until(() => inStore((store) => events(store, lab, { kinds: ["gates"] }).at(-1)?.body.since_ms != null))
    expect(inStore((store) => events(store, lab, { kinds: ["monitor.started"] }))).toMatchObject([
      { body: { invariants: ["node_running", "page"] } },
    ])
    text("stop", `${project.name}-db-1`, `${project.name}-web-1`)
    await until(() => openTickets().length === 3)
    expect(openTickets()).toEqual(["node_running db-1", "node_running web-1", "page web-1"])
    await ends(0, "agent", lab, "--variant", "looks", "--verify", "1s", "--once")
    expect(openTickets()).toEqual([])
    expect(inStore((store) => sessionsOf(store, lab))).toMatchObject([{ variant: "looks", verified: 1 }])

    const shown = inStore((store) => events(store, lab, { kinds: ["result"] })).map(({ body }) => body.shown)
    const names = ["db-1", "door-1", "init-1", "web-1"].map((name) => `${project.name}-${name}`)
    const own = [...names, `${project.name}_back`, `${project.name}_front`, `${project.name}_data`]
    expect(shown[0]!.trim().split("\n")).toEqual(own)
    for (const refused of shown.slice(1, 4)) expect(refused).toContain("mounts /etc of this machine")
    expect(shown[4]).toContain("is not declared by the lab")
    expect(shown[5]).toContain("Labels.lab is not allowed here")
    expect(shown[6]).toEndWith("fine")
    const made = text("inspect", "--format", "{{.Id}}", `${project.name}-helper`).slice(0, 12)
    expect(labelled(lab)).toEqual([])
    // What an agent has made there is the project's, and may be the repair.
    expect(project.everything().filter((id) => id !== made)).toEqual(before)
    monitor.kill("SIGINT")
    expect(await monitor.exited).toBe(130)
  },
  TIMEOUT_MS,
)

dockerTest(
  "it is neither broken nor taken down, by whatever word",
  async () => {
    for (const words of [
      ["chaos", "inject", lab, "node_kill"],
      ["down", lab],
    ]) {
      const { stderr } = await ends(2, ...words)
      expect(stderr).toContain(`the project ${project.name} is somebody else's`)
      expect(stderr).toContain(`operator adopt --release ${lab}`)
    }
    expect((await ends(0, "down", "--all")).stderr).toContain(`adopt --release LAB lets go of an adopted one: ${lab}`)
    await ends(0, "chaos", "status")
    await ends(0, "chaos", "revert", "--all")
    await ends(0, "chaos", "sweep", "--force")
    expect(inStore((store) => events(store, lab, { kinds: ["lab.ending", "injection.planned"] }))).toEqual([])
    expect([project.state("web"), project.state("db"), project.state("door")]).toEqual([
      "running",
      "running",
      "running",
    ])
  },
  TIMEOUT_MS,
)

dockerTest(
  "an agent that is killed in the middle leaves a kitchen, which a sweep removes, and no other while it is in use",
  async () => {
    const monitor = home.start("monitor", lab)
    text("kill", `${project.name}-web-1`)
    const sessions = inStore((store) => sessionsOf(store, lab).length)
    const agent = home.start("agent", lab, "--variant", "hangs")
    const runs = () =>
      inStore((store) => events(store, lab, { kinds: ["command"] }).at(-1)?.body.command === "sleep 300")
    await until(() => inStore((store) => sessionsOf(store, lab).length) > sessions && runs())
    const kitchen = labelled(lab)
    expect(kitchen).toHaveLength(1)
    await ends(0, "chaos", "sweep")
    expect(labelled(lab)).toEqual(kitchen)
    agent.kill("SIGKILL")
    await agent.exited
    expect(labelled(lab)).toEqual(kitchen)
    expect((await ends(0, "chaos", "sweep")).stderr).toContain(`removed the kitchen that was left beside ${lab}`)
    expect(labelled(lab)).toEqual([])
    monitor.kill("SIGINT")
    await monitor.exited
  },
  TIMEOUT_MS,
)

dockerTest(
  "let go of, it is watched by nobody, and is all there with what an agent has left",
  async () => {
    const watched = () => inStore((store) => events(store, lab, { kinds: ["monitor.started"] }).length)
    const watches = watched()
    const monitor = home.start("monitor", lab)
    await until(() => watched() > watches)
    const { stdout } = await ends(0, "adopt", "--release", project.name, "--json")
    expect(JSON.parse(stdout)).toEqual({ lab, project: project.name, gone: false, left: [`${project.name}-helper`] })
    expect(await monitor.exited).toBe(0)
    expect(has("lab.released")).toBe(true)
    expect((await ends(2, "logs", lab)).stderr).toContain("was released")
    expect(JSON.parse((await ends(0, "audit", "list", "--json")).stdout)).toMatchObject([{ lab, state: "released" }])
    expect(inStore((store) => firstBreak(store, lab))).toBeUndefined()
    expect(home.residue()).toEqual([])
    text("rm", "--force", `${project.name}-helper`)
    expect(project.everything()).toEqual(before)
    expect(project.state("db")).toBe("running")
  },
  TIMEOUT_MS,
)

dockerTest(
  "let go of when its owner has removed it, it is said to be gone",
  async () => {
    const { stdout } = await ends(0, ...adopt())
    await project[Symbol.asyncDispose]()
    expect((await ends(0, "adopt", "--release", stdout.trim())).stderr).toBe(`the project ${project.name} is gone\n`)
  },
  TIMEOUT_MS,
)
