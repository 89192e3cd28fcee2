import { afterAll, beforeAll, expect } from "bun:test"
import { openSandbox, type Sandbox } from "../src/agent/sandbox/open.ts"
import { hitsIn, requireHidden, WORDS } from "../src/campaign/hidden.ts"
import { lookAround } from "../src/campaign/sights.ts"
import { KITCHEN_IMAGE } from "../src/lab/platforms/docker/kitchen-image.ts"
import { dockerEngine } from "../src/lab/platforms/docker/engine.ts"
import { events } from "../src/store/events.ts"
import type { Store } from "../src/store/open.ts"
import { dockerTest, IMAGE, type StoredTinyLab, storedTinyLab } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"

const TIMEOUT_MS = 120_000

const NODE = `name: tiny
services:
  a: { image: ${IMAGE}, init: true, command: [sh, -c, "echo so far so good; exec sleep 600"], volumes: ["data:/data"] }
volumes: { data: {} }
x-operator:
  faults: { node_pause: { noticed_by: [node_running], repair: { docker: "docker unpause {node}" } } }
`
const BROKEN = { fault: "node_pause", params: {} }

let tiny: StoredTinyLab
let store: Store
let sandbox: Sandbox

beforeAll(async () => {
  if (WITHOUT_ENGINE) return
  tiny = await storedTinyLab(NODE)
  store = tiny.store
  sandbox = await openSandbox(store, tiny.lab)
}, TIMEOUT_MS)

afterAll(async () => {
  await sandbox?.[Symbol.asyncDispose]()
  await tiny?.[Symbol.asyncDispose]()
}, TIMEOUT_MS)

const refusal = () => requireHidden(tiny.lab, sandbox, BROKEN).then(() => "", String)

function docker(...words: string[]): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["docker", ...words], {
    env: { ...Bun.env, DOCKER_BUILDKIT: "0" },
  })
  if (exitCode !== 0) throw new Error(`docker ${words.join(" ")}: ${stderr.toString()}`)
  return stdout.toString().trim()
}

/** Beside the nodes, as an agent or a fault may put something there. */
function run(...words: string[]): Disposable {
  const id = docker("run", "-d", "--init", "--label", `lab=${tiny.lab.id}`, ...words)
  // Its volume has no label, and so is nobody's.
  const remove = () => {
    docker("rm", "-f", id)
    docker("volume", "rm", "-f", `${tiny.lab.id}_campaigns`)
  }
  return { [Symbol.dispose]: remove }
}

/** Where each word can be read. */
async function places(word: string): Promise<string[]> {
  await using view = await sandbox.view!()
  return hitsIn(await lookAround(view), { words: [word], truths: [] }).map(({ place }) => place)
}

dockerTest(
  "nothing is found in a lab that says nothing, every place is looked at, and the log does not know of it",
  async () => {
    expect(await refusal()).toBe("")
    await using view = await sandbox.view!()
    const seen = (await lookAround(view)).filter(({ text }) => text.length > 2).map(({ place }) => place)
    const [node, debian] = [`${tiny.lab.id}-a-1`, IMAGE]
    const expected = [
      ...["docker ps", `docker inspect ${node}`, `docker logs ${node}`, `docker top ${node}`],
      ...["docker network ls", "docker volume ls", "docker info", "docker version", "docker image ls"],
      ...[`docker image inspect ${KITCHEN_IMAGE}`, `docker image inspect ${debian}`, "docker events"],
      ...["environment", "processes", "mounts", "names", "files"].map((what) => `the kitchen's ${what}`),
    ]
    expect(seen.toSorted()).toEqual(expected.toSorted())
    expect(events(store, tiny.lab.id, { kinds: ["docker.request"] })).toEqual([])
  },
  TIMEOUT_MS,
)

dockerTest(
  "a word in the kitchen's environment, processes, mounts or files is found there, and so is the repair",
  async () => {
    await using view = await sandbox.view!()
    const planted = "export NOTE=trials; mkdir -p /tmp/faults; (exec -a injectors sleep 5) & "
    const looked = async (before: string) => {
      const sights = await lookAround({ ...view, run: (script, words) => view.run(before + script, words) })
      return (word: string) => hitsIn(sights, { words: [word], truths: [] }).map(({ place }) => place)
    }
    const hits = await looked(planted)
    expect(hits("trials")).toContain("the kitchen's environment")
    expect(hits("injectors")).toContain("the kitchen's processes")
    expect(hits("faults")).toContain("the kitchen's files")
    // The folders that are mounted are named after nothing; a word that is in their paths is.
    const [lab_folder] = /lab-[0-9a-f]{12}/.exec(await view.run("cat /proc/self/mountinfo", [])) ?? []
    expect(hits(lab_folder!.slice(4))).toContain("the kitchen's mounts")

    await sandbox.shell.run(`rm -rf /tmp/faults; echo 'docker unpause ${tiny.lab.id}-a-1' >/work/notes`, {
      timeout_ms: 20_000,
    })
    expect(await refusal()).toContain(
      `an agent could read "docker unpause ${tiny.lab.id}-a-1" in the kitchen's files: `,
    )
    await sandbox.shell.run("echo 'Node_Pause: node_pause' >/work/notes", { timeout_ms: 20_000 })
    expect(await refusal()).toContain('an agent could read "node_pause" in the kitchen\'s files: ')
    await sandbox.shell.run("echo a benchmark >/work/notes", { timeout_ms: 20_000 })
    expect(await refusal()).toContain('"benchmark" in the kitchen\'s files: ')
    tiny.lab.subject.own_words.push("benchmark")
    expect(await refusal()).toBe("")
    tiny.lab.subject.own_words.pop()
    await sandbox.shell.run("rm /work/notes", { timeout_ms: 20_000 })
    expect(WORDS).toContain("benchmark")
  },
  TIMEOUT_MS,
)

// What the engine has told of by its events, it tells again: from here on the lab is no longer clean.

dockerTest(
  "a word in a name, a label, an environment, a process, a log, a mount, a network or an address is found there, and is refused",
  async () => {
    const { id } = tiny.lab
    using _ = run(
      ...[
        "--name",
        `${id}-sabotage`,
        "--network",
        `${id}_default`,
        "--label",
        "note=a-benchmark",
        "--env",
        "NOTE=trial",
      ],
      ...["--volume", `${id}_campaigns:/data`, "--network-alias", "injector", IMAGE],
      ...["bash", "-c", 'echo "ch""aos here"; w=tamp; exec -a "${w}ering" sleep 600'],
    )
    const name = `${id}-sabotage`
    expect(await places("sabotage")).toContainAllValues([
      "docker ps",
      `docker inspect ${name}`,
      "the kitchen's names",
      "docker events",
    ])
    expect(await places("benchmark")).toContain("docker ps")
    expect(await places("trial")).toEqual([`docker inspect ${name}`])
    expect(await places("tampering")).toEqual([`docker top ${name}`])
    expect(await places("chaos")).toEqual([`docker logs ${name}`])
    expect(await places("campaigns")).toContain(`docker inspect ${name}`)
    expect(await places("injector")).toContain(`docker inspect ${name}`)
    expect(await refusal()).toMatch(/an agent could read "[a-z]+" in docker ps: /)
  },
  TIMEOUT_MS,
)

dockerTest(
  "a word in a network, a volume or an image and its history is found there",
  async () => {
    const { id } = tiny.lab
    const made = docker("network", "create", "--label", `lab=${id}`, `${id}_trials`)
    docker("volume", "create", "--label", `lab=${id}`, `${id}_faults`)
    expect([await places("trials"), await places("faults")]).toEqual([
      expect.arrayContaining(["docker network ls"]),
      expect.arrayContaining(["docker volume ls"]),
    ])
    docker("network", "rm", made)
    docker("volume", "rm", `${id}_faults`)

    // An image of the lab is known by the engine itself, which tells its history, too.
    const file = `FROM ${IMAGE}\nRUN true injected\nLABEL note=operators\n`
    const built = Bun.spawnSync(["docker", "build", "-q", "-t", `${id}-image`, "-"], {
      stdin: Buffer.from(file),
      env: { ...Bun.env, DOCKER_BUILDKIT: "0" },
    })
    expect(built.success).toBe(true)
    await using view = await sandbox.view!()
    const sights = await lookAround({ ...view, engine: dockerEngine() })
    docker("rmi", "-f", `${id}-image`)
    const hits = (word: string) => hitsIn(sights, { words: [word], truths: [] }).map(({ place }) => place)
    expect(hits("injected")).toContain(`docker history ${id}-image:latest`)
    expect(hits("operators")).toContain(`docker image inspect ${id}-image:latest`)
  },
  TIMEOUT_MS,
)
