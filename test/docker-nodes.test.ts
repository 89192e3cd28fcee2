import { describe, expect } from "bun:test"
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import type { Node } from "../src/lab/lab.ts"
import { removeLabelled } from "../src/lab/platforms/docker/remove.ts"
import { cuttable } from "./support/cuttable.ts"
import { dockerTest, IMAGE, labelled, type TinyLab, tinyLab } from "./support/docker.ts"

const docker = (...words: string[]) =>
  Bun.spawnSync(["docker", ...words])
    .stdout.toString()
    .trim()
const seen = (condition: () => boolean | Promise<boolean>) => waitUntil(condition, { timeout_ms: 10_000, every_ms: 10 })

describe("a Docker lab's nodes", () => {
  dockerTest("are its containers, named after the lab, with what runs in them", async () => {
    await using tiny = await tinyLab()
    const { id } = tiny.lab
    const nodes = await tiny.lab.nodes()
    expect(nodes.map(({ name, service, state }) => `${name} ${service} ${state}`)).toEqual([
      `${id}-a-1 a running`,
      `${id}-b-1 b running`,
    ])
    expect(nodes.map(({ process }) => process!.pid > 0)).toEqual([true, true])
    expect(docker("network", "inspect", `${id}_default`, "--format", "{{(index .IPAM.Config 0).Subnet}}")).toMatch(
      /^192\.168\..*\/28$/,
    )
  })

  dockerTest("tell of each change as it happens: death, freeze, thaw, start, removal", async () => {
    await using tiny = await tinyLab()
    const told: string[] = []
    const stop = tiny.lab.watchNodes(({ service, state }) => void told.push(`${service} ${state}`))
    expect(await heard(tiny, told)).toBe(true)
    const change = async (action: "pause" | "resume" | "kill", expected: string) => {
      await tiny.lab.signal(await tiny.node("a"), action)
      expect(await seen(() => told.at(-1) === expected)).toBe(true)
    }
    await change("pause", "a paused")
    await change("resume", "a running")
    await change("kill", "a exited")
    await tiny.lab.start("a")
    expect(await seen(() => told.at(-1) === "a running")).toBe(true)
    docker("rm", "-f", `${tiny.lab.id}-a-1`)
    expect(await seen(() => told.at(-1) === "a exited")).toBe(true)
    stop()
    expect(told.every((one) => one.startsWith("a "))).toBe(true)
  })

  dockerTest("are signalled only while they are the same process", async () => {
    await using tiny = await tinyLab()
    const before = await tiny.node("a")
    docker("restart", "-t", "0", before.name)
    expect(await tiny.lab.signal(before, "pause")).toBe(false)
    expect((await tiny.node("a")).state).toBe("running")
    expect(await tiny.lab.signal(await tiny.node("a"), "kill")).toBe(true)
    expect(await seen(async () => (await tiny.node("a")).state === "exited")).toBe(true)
    expect(await tiny.lab.signal(before, "kill")).toBe(false)
  })

  dockerTest("are killed also while they are paused", async () => {
    await using tiny = await tinyLab()
    await tiny.lab.signal(await tiny.node("a"), "pause")
    await tiny.lab.signal(await tiny.node("a"), "kill")
    expect(await seen(async () => (await tiny.node("a")).state === "exited")).toBe(true)
  })

  dockerTest("are made again by a start when somebody has removed them", async () => {
    await using tiny = await tinyLab()
    const { name } = await tiny.node("b")
    docker("rm", "-f", name)
    expect(await tiny.node("b")).toEqual({ name, service: "b", state: "exited" })
    await tiny.lab.start("b")
    expect((await tiny.node("b")).state).toBe("running")
  })

  dockerTest("are found where they are now, by service and by name, and nowhere while they are down", async () => {
    await using tiny = await tinyLab()
    const { lab } = tiny
    const { name } = await tiny.node("a")
    const url = lab.resolve("http://a:80/x?y=1")!
    expect(url).toMatch(/^http:\/\/192\.168\.\d+\.\d+\/x\?y=1$/)
    expect(lab.resolve(`http://${name}:80/x?y=1`)).toBe(url)
    expect(lab.resolve("http://example.test/")).toBe("http://example.test/")
    expect(lab.render("{url:a:99} {urls:nodes:7}")).toMatch(/^http:\/\/[\d.]+:99 http:\/\/[\d.]+:7,http:\/\/[\d.]+:7$/)
    await lab.signal(await tiny.node("a"), "kill")
    await seen(async () => (await tiny.node("a")).state === "exited")
    expect(lab.resolve("http://a:80/")).toBeUndefined()
    expect(lab.render("{url:nodes:7}")).toBe(lab.render("{url:b:7}"))
    await lab.start("a")
    expect(lab.resolve("http://a:80/")).toMatch(/^http:\/\/192\.168\./)
  })
})

dockerTest("what happens while the engine's events are cut off is seen once they are back", async () => {
  await using cut = await cuttable()
  await using tiny = await tinyLab(undefined, `unix://${cut.socket}`)
  const told: Node[] = []
  const stop = tiny.lab.watchNodes((node) => void told.push(node))
  expect(await heard(tiny, told)).toBe(true)
  cut.cut()
  docker("kill", `${tiny.lab.id}-a-1`)
  await expect(tiny.lab.nodes()).rejects.toThrow("no Docker engine answers")
  const exited = () => told.some(({ service, state }) => service === "a" && state === "exited")
  expect(exited()).toBe(false)
  cut.mend()
  expect(await seen(exited)).toBe(true)
  stop()
  expect(await seen(() => cut.open() === 0)).toBe(true)
})

describe("a command in a node", () => {
  dockerTest("says what it printed and how it ended", async () => {
    await using tiny = await tinyLab()
    const exec = (command: string) => tiny.lab.exec(command, { node: "a", timeout_ms: 10_000 })
    expect(await exec("echo out; echo err >&2; exit 3")).toEqual({
      exit_code: 3,
      output: "out\nerr\n",
      stdout: "out\n",
      stderr: "err\n",
      timed_out: false,
    })
    expect((await exec("echo 12; echo 34")).stdout).toBe("12\n34\n")
    const much = await exec("head -c 3000000 /dev/zero | tr '\\0' x")
    expect(much.stdout.length).toBeLessThanOrEqual(1024 * 1024 + 16)
    expect(await tiny.lab.logs("a", { lines: 5 })).toMatch(/^\w+ is up\n$/)
  })

  dockerTest("is killed in there at its time-out, with what it has started", async () => {
    await using tiny = await tinyLab()
    const result = await tiny.lab.exec("sleep 300 & echo begun; sleep 301", { node: "a", timeout_ms: 500 })
    expect(result).toEqual({ exit_code: null, output: "begun\n", stdout: "begun\n", stderr: "", timed_out: true })
    const left = await tiny.lab.exec("grep -lsaE 's[l]eep.30[01]' /proc/[0-9]*/cmdline", {
      node: "a",
      timeout_ms: 10_000,
    })
    expect(left).toMatchObject({ exit_code: 1, stdout: "" })
  })

  dockerTest("is refused in a node that is frozen or down", async () => {
    await using tiny = await tinyLab()
    const exec = () => tiny.lab.exec("true", { node: "a", timeout_ms: 10_000 })
    await tiny.lab.signal(await tiny.node("a"), "pause")
    await expect(exec()).rejects.toThrow("is paused, so nothing can be run in it")
    await tiny.lab.signal(await tiny.node("a"), "kill")
    await seen(async () => (await tiny.node("a")).state === "exited")
    await expect(exec()).rejects.toThrow("is exited, so nothing can be run in it")
  })
})

describe("destruction", () => {
  dockerTest("takes all that carries the label, whoever made it, and nothing of a similar name", async () => {
    await using tiny = await tinyLab()
    const { id, dir } = tiny.lab
    await using other = await tinyLab()
    const network = `${id}_default`
    const stranger = docker("run", "-d", "--name", `${id}-c-1`, "--network", network, IMAGE, "sleep", "600")
    docker(
      "run",
      "-d",
      "--name",
      `${id}-helper`,
      "--network",
      network,
      "--label",
      `lab=${id}`,
      "-v",
      "/more",
      IMAGE,
      "sleep",
      "600",
    )
    await tiny.lab.signal(await tiny.node("a"), "pause")
    const volumes = [`${id}-a-1`, `${id}-b-1`, `${id}-helper`].map((name) =>
      docker("inspect", "--format", "{{(index .Mounts 0).Name}}", name),
    )
    const there = () =>
      docker("volume", "ls", "-q")
        .split("\n")
        .filter((name) => volumes.includes(name))
    expect(there()).toHaveLength(3)
    try {
      expect(await tiny.lab.destroy()).toBe(3)
      expect(labelled(id)).toEqual([])
      expect(existsSync(dir)).toBe(false)
      expect(docker("inspect", "--format", "{{.State.Status}}", stranger)).toBe("running")
      expect((await other.lab.nodes()).map(({ state }) => state)).toEqual(["running", "running"])
      expect(there()).toEqual([])
      expect(await tiny.lab.destroy()).toBe(0)
    } finally {
      docker("rm", "-f", stranger)
    }
  })

  dockerTest("works when the lab's folder has gone, and two may do it at once", async () => {
    await using tiny = await tinyLab()
    rmSync(tiny.lab.dir, { recursive: true })
    const [one, two] = await Promise.all([
      tiny.lab.destroy(),
      removeLabelled(tiny.engine, tiny.lab.id, { settle: true }),
    ])
    expect([one, two]).toContain(2)
    expect(labelled(tiny.lab.id)).toEqual([])
  })
})

/** Makes changes until one is told: the first look of a watch only remembers. */
function heard(tiny: TinyLab, told: unknown[]): Promise<boolean> {
  return seen(async () => {
    for (const action of ["pause", "resume"] as const) await tiny.lab.signal(await tiny.node("a"), action)
    return told.length > 0
  })
}
