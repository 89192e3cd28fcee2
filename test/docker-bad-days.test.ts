import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Result } from "../src/eval/results.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { type Event, events } from "../src/store/events.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { alteredEngine } from "./support/altered-engine.ts"
import { IMAGE, labelled, provideWeb } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { type Ended, type Home, makeHome, OPERATOR } from "./support/operator.ts"
import { CAN_MOUNT, smallDisk } from "./support/small-disk.ts"
import { UNPRIVILEGED } from "./support/unprivileged.ts"

const need = WITHOUT_ENGINE ? "(skipped: no Docker engine here)" : ""
setDefaultTimeout(120_000)

const LIMITS = ["--stable", "1s", "--verify", "1s", "--deadline", "6s", "--symptom-within", "4s"]
const KILL = ["--fault", "node_kill", "--variant", "nobody", ...LIMITS]

let home: Home
beforeAll(() => {
  home = makeHome()
  provideWeb(home)
})
afterAll(() => home.remove())

/** Writes a subject `bad` into the working directory, with a fault for its service `a`. */
function bad(text: string, more = ""): void {
  mkdirSync(join(home.dir, "compose"), { recursive: true })
  const block = `x-operator: { groups: { all: [a] }, faults: { node_kill: { group: all } }, ${more} }\n`
  writeFileSync(join(home.dir, "compose", "bad.yaml"), `${text}\n${block}`)
}

async function operator(words: string[], env: Record<string, string> = {}, program = OPERATOR): Promise<Ended> {
  const child = Bun.spawn([...program, ...words], {
    ...{ cwd: home.dir, env: { ...home.env, ...env } },
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { exit_code: await child.exited, stdout, stderr }
}

const list = async (...words: string[]) => JSON.parse((await home.run(...words, "--json")).stdout || "[]") as unknown[]

describe.skipIf(WITHOUT_ENGINE)(`a campaign ${need}`, () => {
  /** It ends so before there is a campaign, a trial or a lab. */
  async function refused(exit_code: number, ...said: string[]): Promise<void> {
    const ended = await home.run("campaign", "--subject", "bad", ...KILL, "-n", "2")
    for (const words of said) expect(ended.stderr).toContain(words)
    expect(ended.exit_code).toBe(exit_code)
    expect(await list("eval", "list")).toEqual([])
    expect(await list("audit", "list")).toEqual([])
  }

  test("is refused with file and line for a subject that Compose does not take", async () => {
    bad(`services: { a: { image: "${IMAGE}", imagee: x } }`)
    await refused(2, "compose/bad.yaml:1:", "services.a.imagee")
  })

  test("is refused with file and line for a subject that reaches beyond its lab", async () => {
    bad(`services:\n  a:\n    image: ${IMAGE}\n    privileged: true`)
    await refused(2, "compose/bad.yaml:4:17: services.a.privileged")
  })

  test("is refused with the name of the image that cannot be pulled", async () => {
    bad(`services: { a: { image: "localhost:1/nowhere:1" } }`)
    await refused(4, "the image localhost:1/nowhere:1 cannot be pulled")
  })

  test("is refused when the memory is not there", async () => {
    bad(`services: { a: { image: "${IMAGE}", mem_limit: 900g } }`)
    await refused(4, "asks for 921600 MiB of memory")
  })
})

describe.skipIf(WITHOUT_ENGINE)(`a trial ${need}`, () => {
  /** The trial's reason; and nothing of it is left. */
  async function fails(): Promise<string> {
    const { exit_code, stdout } = await home.run("campaign", "--subject", "bad", ...KILL, "--json")
    expect(exit_code).toBe(4)
    const { trials } = JSON.parse(stdout) as { trials: Result[] }
    expect(trials.map(({ verdict }) => verdict)).toEqual(["error", "error"])
    for (const { lab } of trials) expect(labelled(lab!)).toEqual([])
    expect(home.residue()).toEqual([])
    return trials[0]!.reason!
  }

  test("of a service that never becomes healthy is an error with its name", async () => {
    bad(
      `services: { a: { image: "${IMAGE}", command: sleep 600, healthcheck: { test: [CMD, "false"], interval: 1s, retries: 1 } } }`,
      "ready: { timeout: 5s }",
    )
    expect(await fails()).toMatch(/did not come up: .*-a-1 is unhealthy/)
  })

  test("of a service that never answers is an error with its name", async () => {
    bad(
      `services: { a: { image: "${IMAGE}", command: sleep 600 } }`,
      `ready: { timeout: 3s, stable: 1s }, invariants: [{ name: answers, each: all, probe: { http: "http://{service}:80/" } }]`,
    )
    expect(await fails()).toMatch(/^not ready within 3 s: answers bad-\w+-a-1$/)
  })

  test("of a service that ends soon after it came up is an error with what it printed last", async () => {
    bad(
      `services: { a: { image: "${IMAGE}", command: [sh, -c, "sleep 2; echo lost its friend; exit 7"] } }`,
      "ready: { timeout: 5s, stable: 4s }",
    )
    expect(await fails()).toMatch(/-a-1 has ended \(code 7\), and printed last:\n  lost its friend$/)
  })

  test("keeps which engine ran it and which images its services had", async () => {
    const { stdout, exit_code } = await home.run("campaign", "--subject", "web", ...KILL, "--json")
    expect(exit_code).toBe(0)
    const { trials } = JSON.parse(stdout) as { trials: Result[] }
    const store = openStoreReadOnly(home.db)
    const [up] = events(store, trials[0]!.lab!, { kinds: ["lab.up"] }) as Event<"lab.up">[]
    store.close()
    const image = { name: IMAGE, id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) }
    expect({ ...up!.body.runs_on }).toMatchObject({
      engine: { version: expect.stringMatching(/^\d/), api: expect.stringMatching(/^1\./), os: "linux" },
      images: { a: image, b: image },
    })
    expect((await home.run("audit", "show", trials[0]!.lab!)).stdout).toMatch(/ up in .* with Docker \d/)
  })
})

describe.skipIf(WITHOUT_ENGINE)(`an engine ${need}`, () => {
  const COMMANDS = [
    ["up", "web"],
    ["campaign", "--subject", "web", ...KILL],
  ]

  test.skipIf(UNPRIVILEGED === undefined || process.getuid?.() !== 0)(
    "that this user may not use is said to be so, with what mends it",
    async () => {
      const dir = join(home.dir, "theirs")
      mkdirSync(dir, { mode: 0o777 })
      Bun.spawnSync(["chown", "-R", "65534", dir])
      const env = { HOME: dir, OPERATOR_DB: join(dir, "operator.db") }
      Bun.spawnSync(["chmod", "755", home.dir])
      for (const words of COMMANDS) {
        const { exit_code, stderr } = await operator(words, env, [...UNPRIVILEGED!])
        expect({ exit_code, stderr }).toMatchObject({
          exit_code: 4,
          stderr: expect.stringMatching(/no permission to use the Docker engine at .*\n.*group docker/),
        })
      }
      const { stdout } = await operator(["doctor"], env, [...UNPRIVILEGED!])
      expect(stdout).toMatch(/docker +note +no permission/)
      expect(stdout).toContain("docker: usermod -aG docker")
    },
  )

  test.each([
    ["unix:///nowhere.sock", 4, "no Docker engine answers at unix:///nowhere.sock"],
    ["tcp://127.0.0.1:1", 4, "no Docker engine answers at tcp://127.0.0.1:1"],
    ["ssh://somewhere", 2, "only unix:// and tcp:// can be used"],
  ])("at %s is not there, and that is said with what to do", async (DOCKER_HOST, exit_code, message) => {
    for (const words of COMMANDS) {
      const ended = await operator(words, { DOCKER_HOST })
      expect({ words, ...ended }).toMatchObject({ exit_code, stderr: expect.stringContaining(message) })
    }
  })

  /** An `up` that ends so, and leaves nothing. */
  async function upFails(DOCKER_HOST: string): Promise<string> {
    const { exit_code, stderr } = await operator(["up", "web"], { DOCKER_HOST })
    expect(exit_code).toBe(4)
    expect(await waitUntil(() => home.residue().length === 0, { timeout_ms: 20_000, every_ms: 50 })).toBe(true)
    return stderr
  }

  test("without an address left for another network is an error that says so", async () => {
    const all = { Name: "all", Id: "0", Labels: {}, IPAM: { Config: [{ Subnet: "192.168.128.0/17" }] } }
    using engine = alteredEngine(home.dir, { "/networks": (networks: unknown[]) => [...networks, all] })
    expect(await upFails(engine.host)).toContain("no range of 16 addresses is left for a lab in 192.168.192.0/18")
  })

  test.skipIf(!CAN_MOUNT)("whose disk is full is an error that says so", async () => {
    const DockerRootDir = join(home.dir, "disk")
    mkdirSync(DockerRootDir)
    using _disk = smallDisk(DockerRootDir, "1m")
    using engine = alteredEngine(home.dir, { "/info": (info: object) => ({ ...info, DockerRootDir }) })
    expect(await upFails(engine.host)).toMatch(/[01] MiB are left on the engine's disk, and a lab needs 1024 MiB/)
  })
})
