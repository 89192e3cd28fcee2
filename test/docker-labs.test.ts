import { afterAll, beforeAll, describe, expect } from "bun:test"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import { dockerTest, IMAGE, labelled, TINY } from "./support/docker.ts"
import { type Home, makeHome, OPERATOR } from "./support/operator.ts"

const TIMEOUT_MS = 120_000

interface Up {
  lab: string
  dir: string
  platform: string
  nodes: { name: string; state: string; url: string }[]
}

let home: Home
beforeAll(() => {
  home = makeHome()
  file("tiny", TINY)
})
afterAll(() => home.remove())

/** Writes a subject into the working directory. */
function file(name: string, text: string): void {
  mkdirSync(join(home.dir, "compose"), { recursive: true })
  writeFileSync(join(home.dir, "compose", `${name}.yaml`), text)
}

async function up(subject = "tiny", ...more: string[]): Promise<Up> {
  const { stdout, stderr, exit_code } = await home.run("up", subject, "--json", ...more)
  expect({ exit_code, stderr: exit_code === 0 ? "" : stderr }).toEqual({ exit_code: 0, stderr: "" })
  return JSON.parse(stdout) as Up
}

const docker = (...words: string[]) =>
  Bun.spawnSync(["docker", ...words])
    .stdout.toString()
    .trim()
const labs = async () => JSON.parse((await home.run("labs", "--json")).stdout) as { lab: string; platform: string }[]
/** Every lab of this home that was ever made. */
const made = async () =>
  (JSON.parse((await home.run("audit", "list", "--json")).stdout || "[]") as { lab: string }[]).map(({ lab }) => lab)

dockerTest(
  "two labs of one file never meet, answer to the same commands as others, and are taken down alone",
  async () => {
    const [one, two] = await Promise.all([up(), up()])
    expect(one.platform).toBe("docker")
    const address = (lab: Up, node: number) => new URL(lab.nodes[node]!.url).hostname
    const reach = (from: Up, to: Up) =>
      home.run(
        "exec",
        from.lab,
        "a",
        "--",
        "bash",
        "-c",
        `timeout 2 bash -c 'exec 3<>/dev/tcp/${address(to, 1)}/9' 2>&1`,
      )
    // Refused is reached.
    expect((await reach(one, one)).stdout).toContain("refused")
    expect((await reach(one, two)).stdout).not.toContain("refused")

    expect(await labs()).toMatchObject([{ platform: "docker" }, { platform: "docker" }])
    const logs = await home.run("logs", one.lab, "a", "--json")
    expect(JSON.parse(logs.stdout)).toMatchObject([{ lines: [expect.stringContaining("is up")] }])
    const exec = await home.run("exec", one.lab, `${one.lab}-b-1`, "--", "sh", "-c", "echo hi >/data/x; exit 7")
    expect(exec.exit_code).toBe(7)
    const here = await home.run(
      "exec",
      two.lab,
      "--",
      "docker",
      "compose",
      "-f",
      "compose.json",
      "ps",
      "--format",
      "{{.Name}}",
    )
    expect(here.stdout.trim().split("\n").sort()).toEqual(two.nodes.map(({ name }) => name).sort())
    expect((await home.run("exec", two.lab, "b", "--", "ls", "/data")).stdout).toBe("")

    expect((await home.run("down", one.lab)).stdout.trim()).toBe(one.lab)
    expect(labelled(one.lab)).toEqual([])
    expect(existsSync(one.dir)).toBe(false)
    expect(docker("ps", "-q", "--filter", `label=lab=${two.lab}`).split("\n")).toHaveLength(2)
    await home.run("down", two.lab)
    expect(home.residue()).toEqual([])
  },
  TIMEOUT_MS,
)

dockerTest(
  "a fault by hand is recorded, confirmed, seen by the monitor and undone",
  async () => {
    const { lab } = await up()
    const monitor = home.start("monitor", lab, "--json")
    for (const fault of ["node_kill", "node_pause"]) {
      const injected = JSON.parse((await home.run("chaos", "inject", lab, fault, "--json")).stdout) as {
        id: string
        confirmation: string
        targets: string[]
      }
      expect(injected.confirmation).toBe("confirmed")
      expect(injected.targets[0]).toStartWith(`${lab}-`)
      const tickets = async (state: string) =>
        (
          JSON.parse((await home.run("tickets", "list", lab, "--all", "--json")).stdout) as Record<string, string>[]
        ).some((ticket) => ticket.node === injected.targets[0] && ticket.state === state)
      expect(await waitUntil(() => tickets("open"), { timeout_ms: 10_000, every_ms: 50 })).toBe(true)
      const reverted = await home.run("chaos", "revert", injected.id, "--json")
      expect(JSON.parse(reverted.stdout)).toMatchObject([
        ...[
          {
            injection: injected.id,
            phase: "reverted",
            reverted_at: expect.any(String),
            recovered_at: expect.any(String),
          },
        ],
      ])
      expect(await waitUntil(() => tickets("resolved"), { timeout_ms: 10_000, every_ms: 50 })).toBe(true)
    }
    monitor.kill("SIGINT")
    expect(await monitor.exited).toBe(130)
    await home.run("down", lab)
  },
  TIMEOUT_MS,
)

dockerTest(
  "an up that is killed half-way leaves nothing",
  async () => {
    const child = home.start("up", "tiny")
    const begun = async () => (await labs()).find(({ lab }) => labelled(lab).length > 0)?.lab
    let lab: string | undefined
    expect(await waitUntil(async () => (lab = await begun()) !== undefined, { timeout_ms: 30_000, every_ms: 10 })).toBe(
      true,
    )
    child.kill("SIGKILL")
    await child.exited
    const gone = () => labelled(lab!).length === 0 && !home.residue().includes(lab!)
    expect(await waitUntil(gone, { timeout_ms: 10_000, every_ms: 20 })).toBe(true)
  },
  TIMEOUT_MS,
)

dockerTest(
  "what is mounted is a copy for each lab, what is built has a name that follows from its content, and is built once",
  async () => {
    mkdirSync(join(home.dir, "compose", "mine"), { recursive: true })
    writeFileSync(join(home.dir, "compose", "mine", "text"), "as it was")
    writeFileSync(join(home.dir, "compose", "mine", "Dockerfile"), `FROM ${IMAGE}\nARG WORD\nENV WORD=$WORD\n`)
    file(
      "mine",
      `services:
  a:
    build: { context: mine, args: { WORD: "built-${process.pid}" } }
    container_name: fixed
    hostname: a
    command: sleep 600
    ports: ["48123:80"]
    volumes: ["./mine:/mine"]
    profiles: []
    mem_limit: 64m
  off: { image: nowhere, profiles: [extra] }
`,
    )
    const first = await home.run("up", "mine", "--json")
    expect({ exit_code: first.exit_code, stderr: first.stderr }).toEqual({
      exit_code: 0,
      stderr: expect.stringContaining("building the image mine-a:"),
    })
    const one = JSON.parse(first.stdout) as Up
    const image = docker("inspect", "--format", "{{.Config.Image}}", one.nodes[0]!.name)
    try {
      expect(one.nodes.map(({ name }) => name)).toEqual([`${one.lab}-a-1`])
      const said = await home.run(
        "exec",
        one.lab,
        "a",
        "--",
        "sh",
        "-c",
        "printenv WORD; cat /mine/text; echo changed >/mine/text",
      )
      expect(said.stdout).toBe(`built-${process.pid}\nas it was`)
      const two = await home.run("up", "mine", "--json")
      expect(two.stderr).not.toContain("building")
      const { lab } = JSON.parse(two.stdout) as Up
      expect((await home.run("exec", lab, "a", "--", "cat", "/mine/text")).stdout).toBe("as it was")
      expect(readFileSync(join(home.dir, "compose", "mine", "text"), "utf8")).toBe("as it was")
      const mounted = docker("inspect", "--format", "{{(index .Mounts 0).Source}}", one.nodes[0]!.name)
      expect(existsSync(mounted)).toBe(true)
      await home.run("down", "--all")
      expect(existsSync(dirname(mounted))).toBe(false)
    } finally {
      docker("image", "rm", image)
    }
  },
  TIMEOUT_MS,
)

/** `seed` ends, and `app` begins when it has. Their image has a volume that the file says nothing of; in `app` a tmpfs takes its place. */
const ONCE = `services:
  seed:
    image: images-test-once
    build: &image
      context: once
      dockerfile_inline: |
        FROM ${IMAGE}
        RUN mkdir /state && echo as it was >/state/seed
        VOLUME /state /scratch/
    command: sh -c "exit $EXIT"
  app:
    image: images-test-once
    build: *image
    command: sleep 600
    tmpfs: ["/scratch:size=1m"]
    depends_on: { seed: { condition: service_completed_successfully } }
`

dockerTest(
  "a service that is meant to end does, and a volume that only an image speaks of is the lab's own",
  async () => {
    mkdirSync(join(home.dir, "compose", "once"), { recursive: true })
    file("once", ONCE.replace("$EXIT", "0"))
    const { lab, nodes } = await up("once")
    expect(nodes.map(({ name, state }) => `${name} ${state}`)).toEqual([`${lab}-seed-1 exited`, `${lab}-app-1 running`])
    const [image, volumes] = [
      docker("inspect", "--format", "{{.Config.Image}}", `${lab}-app-1`),
      docker("volume", "ls", "-q", "--filter", `label=lab=${lab}`).split("\n"),
    ]
    try {
      const tickets = await home.run("tickets", "list", lab, "--all", "--json")
      expect(JSON.parse(tickets.stdout)).toEqual([])
      expect(volumes).toEqual([`${lab}_app-unnamed-1`, `${lab}_seed-unnamed-1`, `${lab}_seed-unnamed-2`])
      const mounts = docker(
        "inspect",
        "--format",
        "{{range .Mounts}}{{.Name}} {{end}}",
        `${lab}-app-1`,
        `${lab}-seed-1`,
      )
      expect(mounts.split(/\s+/).filter(Boolean).sort()).toEqual(volumes)
      expect((await home.run("exec", lab, "app", "--", "cat", "/state/seed")).stdout).toBe("as it was\n")
      // Whoever removes the container leaves the volume; the lab takes it along.
      docker("rm", "-f", `${lab}-app-1`)
      await home.run("down", lab)
      expect(labelled(lab)).toEqual([])

      file("once", ONCE.replace("$EXIT", "3"))
      const failed = await home.run("up", "once")
      expect(failed.exit_code).toBe(4)
      expect(failed.stderr).toMatch(/did not come up: .*"?seed"?.* exit 3/)
      expect(await waitUntil(() => home.residue().length === 0, { timeout_ms: 20_000, every_ms: 50 })).toBe(true)
    } finally {
      docker("image", "rm", image)
    }
  },
  TIMEOUT_MS,
)

describe("an up that cannot be", () => {
  const fails = async (text: string, env: Record<string, string> = {}) => {
    file("bad", text)
    const before = await made()
    const child = Bun.spawn([...OPERATOR, "up", "bad"], {
      cwd: home.dir,
      env: { ...home.env, ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    })
    const [stderr, exit_code] = [await child.stderr.text(), await child.exited]
    const mine = (await made()).filter((lab) => !before.includes(lab))
    const clean = () => mine.every((lab) => labelled(lab).length === 0 && !home.residue().includes(lab))
    expect(await waitUntil(clean, { timeout_ms: 10_000, every_ms: 50 })).toBe(true)
    return { stderr, exit_code, labs: mine.length }
  }

  dockerTest(
    "is refused with the lines of what reaches beyond a lab, before there is one",
    async () => {
      const { stderr, exit_code, labs } = await fails(`services:
  a: &a
    image: ${IMAGE}
    privileged: true
    volumes:
      - /var/run/docker.sock:/var/run/docker.sock
    networks: [outside]
  b:
    image: ${IMAGE}
    network_mode: host
    pid: host
    cap_add: [SYS_PTRACE, SYS_ADMIN]
    devices: ["/dev/null:/dev/null"]
    security_opt: ["seccomp:unconfined"]
    volumes: ["v:/data"]
networks: { outside: { external: true } }
volumes:
  v: { driver_opts: { type: none, o: bind, device: / } }
  w: { external: true }
x-operator: { about: "$(not for Compose)" }
`)
      expect({ exit_code, labs }).toEqual({ exit_code: 2, labs: 0 })
      for (const place of [
        "bad.yaml:4:17: services.a.privileged:",
        "bad.yaml:6:9: services.a.volumes[0]: /var/run/docker.sock is not below the subject's own folder",
        "bad.yaml:10:19: services.b.network_mode:",
        "bad.yaml:11:10: services.b.pid:",
        "bad.yaml:12:27: services.b.cap_add[1]: SYS_ADMIN",
        "bad.yaml:13:14: services.b.devices:",
        "bad.yaml:14:20: services.b.security_opt[0]:",
        "bad.yaml:15:15: services.b.volumes[0]: Compose takes the one letter of v:/data for a drive",
        "bad.yaml:16:34: networks.outside.external:",
      ])
        expect(stderr).toContain(place)
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "says what Compose says of a file, in the words and lines of its author's",
    async () => {
      const { stderr, exit_code, labs } = await fails(`services: { a: { imagee: x } }`)
      expect({ exit_code, labs }).toEqual({ exit_code: 2, labs: 0 })
      expect(stderr).toContain("imagee")
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "says which image cannot be pulled",
    async () => {
      const { stderr, exit_code } = await fails(`services: { a: { image: "localhost:1/nowhere:1" } }`)
      expect(exit_code).toBe(4)
      expect(stderr).toContain("the image localhost:1/nowhere:1 cannot be pulled")
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "says which service does not become healthy",
    async () => {
      const { stderr, exit_code } = await fails(`services:
  a:
    image: ${IMAGE}
    command: [sh, -c, "echo waits for a friend; exec sleep 600"]
    healthcheck: { test: [CMD-SHELL, "echo no friend; false"], interval: 1s, retries: 1 }
x-operator: { ready: { timeout: 6s } }
`)
      expect(exit_code).toBe(4)
      expect(stderr).toMatch(
        /did not come up: .*-a-1 is unhealthy\n.* printed last:\n  waits for a friend\n.*\n  no friend\n/,
      )
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "says what a service printed that has ended, and so does the log",
    async () => {
      const { stderr, exit_code } = await fails(
        `services: { a: { image: "${IMAGE}", command: [sh, -c, "for i in $$(seq 99); do echo line $$i; done; exit 3"] } }`,
      )
      expect(exit_code).toBe(4)
      for (const text of [stderr, (await home.run("audit", "show", "last")).stdout]) {
        expect(text).toMatch(
          /did not come up: .*\n *bad-\w+-a-1 has ended \(code 3\), and printed last:\n *line 90\n[^]*line 99\n/,
        )
      }
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "says that the memory is not there",
    async () => {
      const { stderr, exit_code, labs } = await fails(`services: { a: { image: "${IMAGE}", mem_limit: 900g } }`)
      expect({ exit_code, labs }).toEqual({ exit_code: 4, labs: 0 })
      expect(stderr).toContain("asks for 921600 MiB of memory")
    },
    TIMEOUT_MS,
  )

  dockerTest(
    "says that no engine answers",
    async () => {
      const { stderr, exit_code } = await fails(TINY, { DOCKER_HOST: "unix:///nowhere.sock" })
      expect(exit_code).toBe(4)
      expect(stderr).toContain("no Docker engine answers at unix:///nowhere.sock")
      expect(stderr).toContain("operator doctor")
    },
    TIMEOUT_MS,
  )
})
