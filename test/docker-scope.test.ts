import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { IMAGE, run, type ScopedLab, scopedLab, written } from "./support/scoped-lab.ts"

/** Ordinary use of a lab through its scoped socket, by the real client and a real engine. */
let at: ScopedLab
const need = WITHOUT_ENGINE ? "(skipped: no Docker engine here)" : ""

beforeAll(async () => {
  if (!WITHOUT_ENGINE) at = await scopedLab()
}, 120_000)
afterAll(async () => {
  await at?.[Symbol.asyncDispose]()
}, 60_000)

async function ok(result: Promise<{ code: number; text: string }>): Promise<string> {
  const { code, text } = await result
  expect({ code, text: code === 0 ? "" : text }).toEqual({ code: 0, text: "" })
  return text
}

/** Until it is so; the test's own time-out is the bound. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await Bun.sleep(20)
}

/** A client sets the size only after the command has begun. */
const RESIZED = 'until [ "$(stty size)" != "0 0" ]; do sleep 0.02; done'

const state = (name: string) => at.must("inspect", "--format", "{{.State.Status}}", name)

describe.skipIf(WITHOUT_ENGINE)(`through its scoped socket ${need} a client of the lab`, () => {
  test("sees the lab's nodes and nothing else", async () => {
    const names = (await ok(at.docker("ps", "-a", "--format", "{{.Names}}"))).trim().split("\n").sort()
    expect(names).toEqual([at.a, at.b])
    expect(await ok(at.docker("network", "ls", "--format", "{{.Name}}"))).toBe(`${at.network}\n`)
    expect(await ok(at.docker("volume", "ls", "--format", "{{.Name}}"))).toBe(`${at.lab}_data\n`)
    expect(await ok(at.docker("images", "--format", "{{.Repository}}:{{.Tag}}"))).toBe(`${IMAGE}\n`)
    expect(await ok(at.docker("info", "--format", "{{.Containers}} {{.ContainersRunning}} {{.Name}}"))).toBe(
      `2 2 ${at.lab}\n`,
    )
  })

  test("inspects by name, by id, and by the beginning of an id", async () => {
    for (const ref of [at.a, at.a_id, at.a_id.slice(0, 12)]) {
      expect(await ok(at.docker("inspect", "--format", "{{.Id}}", ref))).toBe(`${at.a_id}\n`)
    }
    expect(await ok(at.docker("inspect", "--format", "{{.Name}}", at.network, `${at.lab}_data`))).toContain(at.network)
    expect(await ok(at.docker("image", "inspect", "--format", "{{.RepoTags}}", IMAGE))).toBe(`[${IMAGE}]\n`)
    const missing = await at.docker("inspect", "nothing-of-this-name")
    expect(missing.text).toContain("No such object: nothing-of-this-name")
  })

  test("reads logs, and follows them until it has enough", async () => {
    expect(await ok(at.docker("logs", "--tail", "2", at.b))).toBe("tick\ntick\n")
    const follower = Bun.spawn(["docker", "logs", "-f", "--tail", "0", at.b], {
      env: { PATH: process.env["PATH"], DOCKER_HOST: `unix://${at.socket}` },
      stdout: "pipe",
    })
    let text = ""
    for await (const chunk of follower.stdout) {
      text += new TextDecoder().decode(chunk)
      if (text.split("\n").length > 3) break
    }
    follower.kill("SIGKILL")
    expect(text).toStartWith("tick\ntick\n")
  })

  test("runs commands, with their exit codes, input and output", async () => {
    expect(await ok(at.docker("exec", at.a, "echo", "hello"))).toBe("hello\n")
    expect((await at.docker("exec", at.a, "sh", "-c", "exit 7")).code).toBe(7)
    expect(
      await ok(at.docker("exec", "-u", "nobody", "-w", "/tmp", "-e", "X=1", at.a, "sh", "-c", "echo $X $PWD")),
    ).toBe("1 /tmp\n")
    const megabyte = crypto.getRandomValues(new Uint8Array(65_536)).toHex().repeat(8)
    const hash = new Bun.CryptoHasher("sha256").update(megabyte).digest("hex")
    expect(await ok(at.dockerWith(Buffer.from(megabyte), "exec", "-i", at.a, "sha256sum"))).toContain(hash)
    expect(await ok(at.dockerWith(Buffer.from(megabyte), "exec", "-i", at.a, "cat"))).toBe(megabyte)
    expect(await ok(at.docker("exec", "-d", at.a, "touch", "/tmp/detached"))).toBe("")
    await until(async () => (await at.direct("exec", at.a, "test", "-e", "/tmp/detached")).code === 0)
  })

  test.skipIf(!Bun.which("script"))("has a terminal", async () => {
    const script = [
      "script",
      "-qec",
      `stty rows 33 cols 77; docker exec -it ${at.a} sh -c '${RESIZED}; tty; stty size'`,
      "/dev/null",
    ]
    const child = Bun.spawn(script, {
      env: { PATH: process.env["PATH"], DOCKER_HOST: `unix://${at.socket}`, TERM: "xterm" },
      stdin: "pipe",
      stdout: "pipe",
      timeout: 20_000,
      killSignal: "SIGKILL",
    })
    const text = await new Response(child.stdout).text()
    expect(text).toContain("/dev/pts/")
    expect(text).toContain("33 77")
    expect(await child.exited).toBe(0)
  })

  test("stops, starts, restarts, kills, pauses and updates its nodes", async () => {
    await ok(at.docker("stop", "-t", "0", at.b))
    expect(await state(at.b)).toBe("exited")
    await ok(at.docker("start", at.b))
    expect(await state(at.b)).toBe("running")
    await ok(at.docker("pause", at.b))
    expect(await state(at.b)).toBe("paused")
    await ok(at.docker("unpause", at.b))
    const before = await at.must("inspect", "--format", "{{.State.StartedAt}}", at.b)
    await ok(at.docker("restart", "-t", "0", at.b))
    expect(await at.must("inspect", "--format", "{{.State.StartedAt}}", at.b)).not.toBe(before)
    await ok(at.docker("kill", at.b))
    await until(async () => (await state(at.b)) === "exited")
    await ok(at.docker("start", at.b))
    await ok(at.docker("update", "--memory", "200m", "--memory-swap", "200m", "--restart", "on-failure:2", at.b))
    const limits = await at.must(
      "inspect",
      "--format",
      "{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}",
      at.b,
    )
    expect(limits).toBe(`${200 * 1024 * 1024} on-failure`)
  })

  test("copies both ways", async () => {
    const file = join(at.folder, "blob")
    const bytes = crypto.getRandomValues(new Uint8Array(65_536)).toHex().repeat(20)
    writeFileSync(file, bytes)
    await ok(at.docker("cp", file, `${at.a}:/tmp/blob`))
    await ok(at.docker("cp", `${at.a}:/tmp/blob`, join(at.folder, "back")))
    expect(readFileSync(join(at.folder, "back"), "utf8")).toBe(bytes)
    expect(await ok(at.docker("diff", at.a))).toContain("A /tmp/blob")
    const tar = Bun.spawnSync(["tar", "-C", at.folder, "-cf", "-", "blob"]).stdout
    const head = `PUT /containers/${at.a}/archive?path=/opt HTTP/1.1\r\nHost: d\r\nContent-Length: ${tar.length}\r\n\r\n`
    expect(await at.raw([head, tar.toString("latin1"), "GET /version HTTP/1.1\r\n\r\n"])).toStartWith("HTTP/1.1 200 OK")
    expect(await ok(at.docker("exec", at.a, "cat", "/opt/blob"))).toBe(bytes)
  })

  test("reads stats, processes and events", async () => {
    expect(await ok(at.docker("stats", "--no-stream", "--format", "{{.Name}}"))).toContain(at.a)
    expect(await ok(at.docker("top", at.a))).toContain("sleep infinity")
    expect(await ok(at.docker("top", at.a, "-o", "pid,args"))).toContain("sleep infinity")
    const since = String(Math.floor(Date.now() / 1000))
    await ok(at.docker("kill", "-s", "CONT", at.a))
    await at.must("kill", "-s", "CONT", at.victim)
    await at.must("kill", "-s", "CONT", at.helper)
    await at.must("kill", "-s", "USR1", at.victim)
    await until(() => Date.now() / 1000 > Number(since) + 1)
    const told = await ok(
      at.docker("events", "--since", since, "--until", String(Math.floor(Date.now() / 1000)), "--format", "{{json .}}"),
    )
    expect(told).toContain(at.a_id)
    expect(told).not.toContain(at.victim)
    expect(told).not.toContain(at.helper_id)
  })

  test("hears of an event while it waits for it", async () => {
    const socket = connect({ path: at.socket })
    let heard = ""
    socket.on("data", (chunk: Buffer) => (heard += chunk.toString()))
    socket.write("GET /events HTTP/1.1\r\nHost: d\r\n\r\n")
    await until(() => heard.includes("200 OK") || at.entries.some(({ route }) => route === "events"))
    await until(async () => {
      await at.must("kill", "-s", "CONT", at.a)
      return heard.includes('"kill"')
    })
    socket.destroy()
    expect(heard).toContain(at.a_id)
  })

  test("connects and disconnects nodes", async () => {
    await ok(at.docker("network", "disconnect", at.network, at.b))
    expect(await at.must("inspect", "--format", "{{len .NetworkSettings.Networks}}", at.b)).toBe("0")
    await ok(at.docker("network", "connect", "--alias", "bee", at.network, at.b))
    expect(await ok(at.docker("network", "inspect", at.network))).toContain(at.b)
    expect(await ok(at.docker("exec", at.a, "getent", "hosts", "bee"))).toContain("bee")
  })

  test("runs containers of its own in the lab, which die with it", async () => {
    const debug = [
      "--rm",
      "--name",
      `${at.lab}-debug`,
      "--cap-add",
      "NET_ADMIN",
      "--cap-add",
      "SYS_PTRACE",
      "--label",
      "lab=somebody-else",
    ]
    expect(await ok(at.docker("run", "--rm", "--network", at.network, IMAGE, "getent", "hosts", "a"))).toContain("a")
    const inside = ["--network", `container:${at.a}`, "--pid", `container:${at.a}`]
    expect(
      await ok(at.docker("run", ...debug, ...inside, IMAGE, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")),
    ).toContain("sleep infinity")
    expect(await ok(at.dockerWith(Buffer.from("spoken"), "run", "-i", "--rm", "--network", "none", IMAGE, "cat"))).toBe(
      "spoken",
    )
    expect(
      await ok(
        at.docker("run", "--rm", "--network", "none", "-v", `${at.folder}/conf:/conf:ro`, IMAGE, "cat", "/conf/note"),
      ),
    ).toContain("note")
    await ok(
      at.docker(
        "run",
        "-d",
        ...debug.slice(1),
        "--network",
        at.network,
        "-v",
        `${at.lab}_data:/d`,
        IMAGE,
        "sleep",
        "60",
      ),
    )
    expect(await at.must("inspect", "--format", "{{.Config.Labels.lab}}", `${at.lab}-debug`)).toBe(at.lab)
    await ok(at.docker("rm", "-f", `${at.lab}-debug`))
  })

  test("leaves no nameless volume behind when it removes a container", async () => {
    await ok(
      at.docker("run", "-d", "--name", `${at.lab}-held`, "--network", "none", "-v", "/held", IMAGE, "sleep", "60"),
    )
    const volume = await at.must("inspect", "--format", "{{(index .Mounts 0).Name}}", `${at.lab}-held`)
    expect((await at.direct("volume", "inspect", volume)).code).toBe(0)
    await ok(at.docker("rm", "-f", `${at.lab}-held`))
    expect((await at.direct("volume", "inspect", volume)).code).toBe(1)
  })

  test("creates volumes and networks of its own, which carry the lab's label", async () => {
    await ok(at.docker("volume", "create", `${at.lab}_more`))
    await ok(at.docker("network", "create", "--internal", `${at.lab}_more`))
    const label = ["--format", "{{.Labels.lab}}"]
    expect(await at.must("volume", "inspect", ...label, `${at.lab}_more`)).toBe(at.lab)
    expect(await at.must("network", "inspect", ...label, `${at.lab}_more`)).toBe(at.lab)
    await ok(at.docker("network", "rm", `${at.lab}_more`))
    await ok(at.docker("volume", "rm", `${at.lab}_more`))
  })

  test("uses Compose on the lab's project", async () => {
    expect(await ok(at.compose("ps", "--format", "{{.Name}}"))).toContain(at.a)
    expect(await ok(at.compose("logs", "--tail", "1", "b"))).toContain("tick")
    expect(await ok(at.compose("exec", "-T", "a", "printenv", "NODE"))).toBe("a\n")
    await ok(at.compose("restart", "-t", "0", "b"))
    await ok(at.compose("stop", "-t", "0", "b"))
    expect(await state(at.b)).toBe("exited")
    await ok(at.compose("start", "b"))
    expect(await state(at.b)).toBe("running")
    const before = at.a_id
    await ok(at.compose("up", "-d", "-t", "0", "--force-recreate", "--no-deps", "a"))
    at.a_id = await at.must("inspect", "--format", "{{.Id}}", at.a)
    expect(at.a_id).not.toBe(before)
    expect(await at.must("inspect", "--format", "{{.Config.Labels.lab}} {{len .Mounts}}", at.a)).toBe(`${at.lab} 2`)
    expect(await ok(at.compose("exec", "-T", "a", "cat", "/conf/note"))).toContain("note")
  })
})

describe.skipIf(WITHOUT_ENGINE)(`the scoped socket ${need}`, () => {
  test("tells of each request before it is sent on, with what it is about", async () => {
    at.entries.length = 0
    await at.docker("restart", "-t", "0", at.b)
    await at.docker("stop", at.victim_name)
    const restart = at.entries.find(({ route }) => route === "restart")
    const b_id = await at.must("inspect", "--format", "{{.Id}}", at.b)
    expect(restart).toEqual({
      method: "POST",
      path: `/containers/${b_id}/restart?t=0`,
      route: "restart",
      decision: "allowed",
      reason: undefined,
      mutating: true,
      containers: [at.b],
    })
    const stop = at.entries.find(({ route, decision }) => route === "stop" && decision === "denied")
    expect(stop?.reason).toBe(`No such container: ${at.victim_name}`)
    expect(stop?.containers).toEqual([])
    expect(at.entries.filter(({ path }) => path === "/_ping").every(({ mutating }) => !mutating)).toBe(true)
  })

  test("sends nothing that could not be recorded", async () => {
    const before = await at.must("inspect", "--format", "{{.State.StartedAt}}", at.b)
    const length = at.entries.length
    const { push } = at.entries
    at.entries.push = () => {
      throw new Error("disk full")
    }
    const said = await at.raw(written("POST", `/containers/${at.b}/restart`))
    at.entries.push = push
    expect(said).toStartWith("HTTP/1.1 503")
    expect(at.entries).toHaveLength(length)
    expect(await at.must("inspect", "--format", "{{.State.StartedAt}}", at.b)).toBe(before)
  })

  test("lets go of the engine when clients vanish", async () => {
    // By inode: descriptors of tests before this one may still be closing.
    const sockets = () =>
      new Set(
        readdirSync("/proc/self/fd").flatMap((name) => {
          try {
            const file = readlinkSync(`/proc/self/fd/${name}`)
            return file.startsWith("socket:") ? [file] : []
          } catch {
            return [] // closed meanwhile, as the folder's own is
          }
        }),
      )
    const before = sockets()
    const followers = Array.from({ length: 10 }, (_, index) => {
      const socket = connect({ path: at.socket })
      socket.on("error", () => {})
      socket.write(
        index % 2
          ? "GET /events HTTP/1.1\r\nHost: d\r\n\r\n"
          : `GET /containers/${at.b}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n`,
      )
      return new Promise<typeof socket>((resolve) => socket.once("data", () => resolve(socket)))
    })
    await at.must("kill", "-s", "CONT", at.a)
    const feed = setInterval(() => void at.direct("kill", "-s", "CONT", at.a), 200)
    const clients = await Promise.all(followers).finally(() => clearInterval(feed))
    // Each is a client's end, the scope's, and one to the engine.
    const held = [...sockets()].filter((file) => !before.has(file))
    expect(held.length).toBeGreaterThanOrEqual(30)
    for (const client of clients) client.destroy()
    await until(() => {
      const now = sockets()
      return held.filter((file) => now.has(file)).length <= 5
    })
  }, 30_000)

  test("does not grow with a client that does not read", async () => {
    const size = 200 * 1024 * 1024
    const body = { AttachStdout: true, Cmd: ["head", "-c", String(size), "/dev/zero"] }
    const made = await at.raw(written("POST", `/containers/${at.a}/exec`, body))
    const { Id } = JSON.parse(made.slice(made.indexOf("\r\n\r\n") + 4))
    const before = process.memoryUsage.rss()
    const socket = connect({ path: at.socket })
    socket.pause()
    socket.write(written("POST", `/exec/${Id}/start`, { Detach: false }, ["Connection: Upgrade", "Upgrade: tcp"]))
    const progress = async () => {
      const { Pid } = JSON.parse((await at.raw(written("GET", `/exec/${Id}/json`))).split("\r\n\r\n")[1]!)
      return Pid === 0 ? "" : (/wchar: (\d+)/.exec(readFileSync(`/proc/${Pid}/io`, "utf8"))?.[1] ?? "")
    }
    let last = "none"
    await until(async () => {
      const now = await progress()
      const still = now !== "" && Number(now) > 65_536 && now === last
      last = now
      if (!still) await Bun.sleep(200)
      return still
    })
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
    let read = 0
    socket.on("data", (chunk: Buffer) => (read += chunk.length))
    socket.resume()
    await new Promise((resolve) => socket.on("close", resolve))
    expect(read).toBeGreaterThan(size)
  }, 60_000)

  test("refuses more connections than it can hold, and answers again when they are gone", async () => {
    const crowd = Array.from({ length: 256 }, () => connect({ path: at.socket }).on("error", () => {}))
    await Promise.all(crowd.map((socket) => new Promise((resolve) => socket.once("connect", resolve))))
    await until(async () => (await at.raw(written("GET", "/_ping"))).startsWith("HTTP/1.1 503"))
    for (const socket of crowd) socket.destroy()
    await until(async () => (await at.raw(written("GET", "/_ping"))).startsWith("HTTP/1.1 200"))
  }, 30_000)

  test("says so when the engine is not there, and goes when it is closed", async () => {
    await using other = await startBeside()
    const { code, text } = await run(`unix://${other.socket}`, ["ps"])
    expect(code).not.toBe(0)
    expect(text).toContain("the Docker engine does not answer")
    await other.close()
    expect((await run(`unix://${other.socket}`, ["ps"])).code).not.toBe(0)
  })
})

async function startBeside() {
  const { startScope } = await import("../src/agent/sandbox/scope/scope.ts")
  const socket = join(at.folder, "beside.sock")
  const scope = await startScope({
    socket,
    engine: join(at.folder, "no-engine.sock"),
    lab: at.lab,
    project: at.lab,
    allowed_images: [],
    onRequest: () => {},
  })
  return { socket, ...scope }
}
