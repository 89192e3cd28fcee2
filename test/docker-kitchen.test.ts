import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type KitchenShellOptions, kitchenShell } from "../src/agent/sandbox/kitchen.ts"
import { type KitchenOptions, raiseKitchen, removeKitchen } from "../src/agent/sandbox/kitchen/raise.ts"
import { describeEnd } from "../src/agent/sandbox/shell.ts"
import { dockerEngine } from "../src/lab/platforms/docker/engine.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { EnvironmentError } from "../src/lib/errors.ts"
import { testShell } from "./support/shell-contract.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"

const ROOT = join(import.meta.dir, "..")
const IMAGE = "kitchen"
/** Not the name of any lab, and another one for each run of this file. */
const lab = `test-${process.pid}`
const network = `kitchen-${lab}`
const timeout_ms = 20_000

// Skipped where there is no engine, except in CI, where all of it fails then.
describe.skipIf(WITHOUT_ENGINE)("a kitchen", () => {
  const engine = dockerEngine()
  const raise = (options: Partial<KitchenOptions> = {}) => raiseKitchen({ engine, lab, image: IMAGE, ...options })
  const shellIn = (container: string, setting: Partial<KitchenShellOptions> = {}) =>
    kitchenShell({ engine, container, ...setting })

  beforeAll(() => {
    const nothing = mkdtempSync(join(tmpdir(), "context-"))
    docker("build", "--quiet", "--target", "kitchen", "--tag", IMAGE, "--file", join(ROOT, "Dockerfile"), nothing)
    rmSync(nothing, { recursive: true })
    docker("network", "create", "--label", `kitchen=${lab}`, network)
  }, 300_000)
  afterAll(async () => {
    await removeKitchen(engine, lab)
    docker("network", "rm", network)
  })

  describe("has a shell like this host's:", () => {
    let kitchen: string
    beforeAll(async () => {
      kitchen = await raise()
    })
    testShell({
      cwd: () => "/work",
      shell: (setting) => shellIn(kitchen, setting),
      lives: (pid) => lives(kitchen, pid),
      kill: (pid) => docker("exec", kitchen, "bash", "-c", `kill -KILL ${pid}`),
      read: (file) => tryDocker("exec", kitchen, "cat", `/work/${file}`),
    })
  })

  describe("is a result when it", () => {
    afterEach(() => removeKitchen(engine, lab))

    test("is gone, stopped or paused", async () => {
      const kitchen = await raise()
      const shell = shellIn(kitchen)
      docker("pause", kitchen)
      const paused = await shell.run("true", { timeout_ms })
      expect(paused).toMatchObject({ exit_code: null, ended_by: "spawn_failed", duration_ms: 0 })
      expect(paused.shown).toContain("is paused")
      docker("unpause", kitchen)
      docker("kill", kitchen)
      expect((await shell.run("true", { timeout_ms })).shown).toContain("is not running")
      docker("rm", kitchen)
      expect((await shell.run("true", { timeout_ms })).shown).toBe("no shell in the kitchen: it is gone\n")
    })

    test("has no engine", async () => {
      const lost = dockerEngine({ DOCKER_HOST: "unix:///nowhere/docker.sock" })
      const result = await kitchenShell({ engine: lost, container: "any" }).run("true", { timeout_ms })
      expect(result).toMatchObject({ ended_by: "spawn_failed", shown: expect.stringContaining("/nowhere/docker.sock") })
    })

    test("is lost while a command runs", async () => {
      const kitchen = await raise()
      const running = shellIn(kitchen).run("echo begun; touch begun; sleep 60", { timeout_ms })
      await begun(kitchen)
      docker("kill", kitchen)
      const result = await running
      expect(result).toMatchObject({ exit_code: null, signal: "SIGKILL", ended_by: "exit" })
      expect(result.shown).toBe("begun\n\n[the shell itself was killed while this ran]\n")
      expect(Buffer.from(result.output).toString()).toBe("begun\n")
    })
  })

  describe("with a command that turns on its keeper", () => {
    let kitchen: string
    beforeAll(async () => {
      kitchen = await raise()
    })

    test("kills the command when the keeper is dead", async () => {
      const result = await shellIn(kitchen).run("echo $$; kill -KILL $PPID; sleep 60", { timeout_ms })
      expect(result).toMatchObject({ signal: "SIGKILL", ended_by: "exit" })
      expect(lives(kitchen, Number.parseInt(result.shown, 10))).toBe(false)
    })

    test("kills the command in time when the keeper is stopped", async () => {
      const shell = shellIn(kitchen, { limits: { grace_ms: 100, linger_ms: 10 } })
      const result = await shell.run("echo $$; kill -STOP $PPID; sleep 60", { timeout_ms: 200 })
      expect(result).toMatchObject({ signal: "SIGKILL", ended_by: "timeout" })
      expect(lives(kitchen, Number.parseInt(result.shown, 10))).toBe(false)
      expect(docker("exec", kitchen, "ps", "-eo", "stat=,comm=")).not.toContain("T ")
    }, 30_000)

    test("lives through a KILL for everybody, and its keeper through signals that find it by chance", async () => {
      const shell = shellIn(kitchen)
      expect(await shell.run("kill -KILL -1", { timeout_ms })).toMatchObject({ signal: "SIGKILL" })
      expect(
        await shell.run("pkill perl; pkill -x shell; pkill -HUP -f '^shell'; kill 1; echo alive", { timeout_ms }),
      ).toMatchObject({
        exit_code: 0,
        shown: "alive\n",
      })
    })

    test("starts another when the one that waited was killed", async () => {
      const shell = shellIn(kitchen)
      expect(await shell.run("true", { timeout_ms })).toMatchObject({ exit_code: 0 })
      docker("exec", kitchen, "pkill", "-KILL", "-x", "shell")
      expect(await shell.run("echo $((6 * 7))", { timeout_ms })).toMatchObject({ exit_code: 0, shown: "42\n" })
    })

    test("has no zombies after fifty commands with orphans", async () => {
      const shell = shellIn(kitchen, { limits: { linger_ms: 20 } })
      const orphans = "(sleep 0.05 &) ; (setsid sleep 0.05 >/dev/null 2>&1 &) ; sleep 60 & true"
      for (let i = 0; i < 50; i++) expect((await shell.run(orphans, { timeout_ms })).exit_code).toBe(0)
      // The first process and `ps` itself, beside the shells that wait for a command.
      const states = () =>
        docker("exec", kitchen, "ps", "-eo", "pid=,stat=,args=")
          .trim()
          .split("\n")
          .filter((line) => !/ S\S* +shell$/.test(line))
      expect(await waitUntil(() => states().length === 2, { timeout_ms: 5_000, every_ms: 50 })).toBe(true)
      expect(states()[0]).toMatch(/^\s*1 Ss\s+perl -e /)
    }, 60_000)
  })

  test("ends the command of a harness that was killed", async () => {
    const kitchen = await raise()
    const script = `
      import { kitchenShell } from ${JSON.stringify(join(ROOT, "src/agent/sandbox/kitchen.ts"))}
      import { dockerEngine } from ${JSON.stringify(join(ROOT, "src/lab/platforms/docker/engine.ts"))}
      const shell = kitchenShell({ engine: dockerEngine(), container: ${JSON.stringify(kitchen)} })
      await shell.run("echo $$ > begun; sleep 60", { timeout_ms: 60_000 })`
    const harness = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "inherit", "inherit"] })
    await begun(kitchen)
    const pid = Number(docker("exec", kitchen, "cat", "begun"))
    expect(lives(kitchen, pid)).toBe(true)
    harness.kill("SIGKILL")
    expect(await waitUntil(() => !lives(kitchen, pid), { timeout_ms: 5_000, every_ms: 20 })).toBe(true)
  })

  test("is not kept waiting by what lives on with its output", async () => {
    const result = await shellIn(await raise()).run("setsid sleep 60 & echo done", { timeout_ms })
    expect(describeEnd(result)).toMatch(/^exit 0 in \d+ ms$/)
    expect(result.shown).toBe("done\n")
  })

  test("shows nothing of the harness", async () => {
    const name = "OPERATOR_TEST_API_KEY"
    process.env[name] = "sk-test-3f9d1c7a5b"
    try {
      const kitchen = await raise({ env: { COMPOSE_PROJECT_NAME: "etcd-7f3a" } })
      const { shown } = await shellIn(kitchen).run("env; tr '\\0' '\\n' < /proc/1/environ; ps aux", { timeout_ms })
      expect(shown).toContain("GIT_TERMINAL_PROMPT=0\n")
      const told = shown + docker("history", "--no-trunc", IMAGE) + docker("image", "inspect", IMAGE)
      expect(told).not.toMatch(/operator|chaos|\bfault|\beval|sk-test/i)
      expect((await shellIn(kitchen).run(`echo ${process.env[name]}`, { timeout_ms })).shown).toBe("[redacted]\n")
    } finally {
      delete process.env[name]
    }
  })

  test("has the tools of the trade", async () => {
    const tools =
      "docker bash curl wget jq vim git nc dig ping htop ps ip iptables tcpdump strace redis-cli etcdctl psql tini"
    const kitchen = shellIn(await raise({ networks: [{ id: network }] }))
    const there = await kitchen.run(`for tool in ${tools}; do type -P $tool >/dev/null || echo "no $tool"; done`, {
      timeout_ms,
    })
    expect(there.shown).toBe("")
    const works =
      "docker compose version --short; python3 -c 'import httpx, redis, yaml'; ping -c 1 -W 2 kitchen >/dev/null"
    expect(await kitchen.run(works, { timeout_ms })).toMatchObject({
      exit_code: 0,
      shown: expect.stringMatching(/^2\.[\d.-]+\n$/),
    })
    const sniffing = "timeout 5 tcpdump -c 1 -i lo 2>/dev/null & sleep 0.3; ping -c 2 127.0.0.1 >/dev/null; wait"
    expect((await kitchen.run(sniffing, { timeout_ms })).shown).toContain("ICMP echo request")
  })

  describe("that is raised", () => {
    const folder = mkdtempSync(join(tmpdir(), "kitchen-"))
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    test("takes the place of the one that the lab had, and goes with it", async () => {
      const first = await raise()
      const second = await raise()
      expect(tryDocker("inspect", first)).toBeUndefined()
      expect(docker("inspect", "--format", "{{json .Config.Labels}}", second)).toBe(`{"kitchen":"${lab}"}\n`)
      await removeKitchen(engine, lab)
      expect(tryDocker("inspect", second)).toBeUndefined()
    })

    test("finds the scoped socket and the Compose file, and can change neither", async () => {
      const socket = Bun.listen({
        unix: join(folder, "docker.sock"),
        socket: { data: (peer) => void peer.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK") },
      })
      try {
        writeFileSync(join(folder, "compose.yaml"), "services: {}\n")
        const kitchen = shellIn(await raise({ socket_dir: folder, compose_file: join(folder, "compose.yaml") }))
        const asked = await kitchen.run(
          'cat compose.yaml; curl -s --unix-socket "${DOCKER_HOST#unix://}" http://d/_ping',
          { timeout_ms },
        )
        expect(asked.shown).toBe("services: {}\nOK")
        const changed = await kitchen.run("rm -f /run/lab/docker.sock; touch /run/lab/x; echo > compose.yaml", {
          timeout_ms,
        })
        expect(changed.shown.match(/Read-only file system/g)).toHaveLength(3)
      } finally {
        socket.stop(true)
      }
    })

    test("has the rights of its tools and no more", async () => {
      const kitchen = shellIn(
        await raise({ networks: [{ id: network }], limits: { memory_bytes: 256 * 1024 ** 2, processes: 100 } }),
      )
      const refused = [
        "mount -t tmpfs none /mnt",
        "unshare -n true",
        "ip route del default",
        "iptables -L",
        "mknod /tmp/x b 8 0",
        "chroot / true",
      ]
      for (const command of refused) {
        const { exit_code, shown } = await kitchen.run(command, { timeout_ms })
        expect({ command, ok: exit_code === 0, shown }).toMatchObject({
          ok: false,
          shown: expect.stringMatching(/permi/i),
        })
      }
      const greedy = await kitchen.run("python3 -c 'x = bytearray(10**9)'", { timeout_ms })
      expect(greedy.signal ?? greedy.exit_code).toBeOneOf(["SIGKILL", 137])
      const many = await kitchen.run(
        "perl -e 'for (1..200) { die $! unless defined(my $pid = fork); sleep 30 unless $pid }'",
        { timeout_ms },
      )
      expect(many.shown).toContain("Resource temporarily unavailable")
      expect(await kitchen.run("echo well", { timeout_ms })).toMatchObject({ exit_code: 0, shown: "well\n" })
    }, 60_000)

    test("without egress reaches the lab, and neither the internet nor this host", async () => {
      const peer = docker(
        "run",
        "--detach",
        "--label",
        `kitchen=${lab}-peer`,
        "--network",
        network,
        "--name",
        `${lab}-peer`,
        IMAGE,
      ).trim()
      try {
        const open = await shellIn(await raise({ networks: [{ id: network }] })).run("ip route get 192.0.2.1", {
          timeout_ms,
        })
        const [, gateway] = /via ([\d.]+)/.exec(open.shown) ?? []
        const kitchen = shellIn(await raise({ networks: [{ id: network }], egress: false }))
        expect(await kitchen.run(`ping -c 1 -W 2 ${lab}-peer`, { timeout_ms })).toMatchObject({ exit_code: 0 })
        expect((await kitchen.run("ip route get 192.0.2.1", { timeout_ms })).shown).toContain("Network is unreachable")
        expect((await kitchen.run(`ip route get ${gateway}`, { timeout_ms })).shown).toContain("Permission denied")
        expect((await kitchen.run(`ip route del prohibit ${gateway}`, { timeout_ms })).shown).toContain("not permitted")
        expect(docker("ps", "--all", "--quiet", "--filter", `label=kitchen=${lab}`).trim().split("\n")).toHaveLength(1)
      } finally {
        docker("rm", "--force", peer)
      }
    }, 30_000)

    test("from no image or on no network is an error that says so, and leaves nothing", async () => {
      for (const wrong of [
        { image: "no-such-image" },
        { networks: [{ id: "no-such-network" }] },
        { socket_dir: join(folder, "none") },
      ]) {
        const error: unknown = await raise(wrong).catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(EnvironmentError)
        expect((error as Error).message).toMatch(/no-such-|none/)
        expect(docker("ps", "--all", "--quiet", "--filter", `label=kitchen=${lab}`)).toBe("")
      }
    })
  })

  const begun = async (kitchen: string) =>
    expect(
      await waitUntil(() => !!tryDocker("exec", kitchen, "ls", "begun"), { timeout_ms: 10_000, every_ms: 20 }),
    ).toBe(true)
})

function tryDocker(...args: string[]): string | undefined {
  const env = { ...process.env, DOCKER_BUILDKIT: "0" }
  const { exitCode, stdout } = Bun.spawnSync(["docker", ...args], { env, timeout: 280_000, killSignal: "SIGKILL" })
  return exitCode === 0 ? stdout.toString() : undefined
}

function docker(...args: string[]): string {
  const output = tryDocker(...args)
  if (output === undefined) throw new Error(`docker ${args.join(" ")} failed`)
  return output
}

function lives(kitchen: string, pid: number): boolean {
  const state = tryDocker("exec", kitchen, "ps", "-o", "stat=", "-p", String(pid))
  return state !== undefined && !state.startsWith("Z")
}
