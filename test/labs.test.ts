import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import { identify } from "../src/lib/process.ts"
import { type Home, makeHome } from "./support/operator.ts"

const TIMEOUT_MS = 60_000

interface Up {
  lab: string
  dir: string
  nodes: { name: string; state: string; url: string }[]
}

let home: Home
beforeAll(() => {
  home = makeHome()
})
afterAll(() => home.remove())

async function up(...more: string[]): Promise<Up> {
  const { stdout, stderr, exit_code } = await home.run("up", "ratelimiter", "--json", ...more)
  expect({ exit_code, stderr: exit_code === 0 ? "" : stderr }).toEqual({ exit_code: 0, stderr: "" })
  return JSON.parse(stdout) as Up
}

const pidOf = (lab: Up, node: string) => Number(readFileSync(join(lab.dir, node, "pid"), "utf8"))

test.concurrent(
  "two labs of one subject never meet, and each is taken down alone",
  async () => {
    const [one, two] = await Promise.all([up(), up()])
    const urls = [...one.nodes, ...two.nodes].map(({ url }) => url)
    expect(new Set(urls).size).toBe(6)
    await fetch(`${one.nodes[0]!.url}/blocks`, {
      method: "POST",
      body: JSON.stringify({ key: "k", duration_ms: 60_000, reason: "test" }),
    })
    const blocks = (url: string) =>
      fetch(`${url}/blocks`).then((answer) => answer.json() as Promise<{ blocks: unknown[] }>)
    expect((await blocks(one.nodes[1]!.url)).blocks).toHaveLength(1)
    expect((await blocks(two.nodes[1]!.url)).blocks).toHaveLength(0)

    expect((await home.run("down", one.lab)).stdout.trim()).toBe(one.lab)
    expect(existsSync(one.dir)).toBe(false)
    expect((await blocks(two.nodes[2]!.url)).blocks).toHaveLength(0)
    await home.run("down", two.lab)
    expect(home.residue().filter((what) => what === one.lab || what === two.lab)).toEqual([])
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a node's folder is enough for a plain shell: start, pid, log and data",
  async () => {
    const lab = await up()
    const before = pidOf(lab, "limiter-b")
    const start = () => Bun.spawnSync([join(lab.dir, "limiter-b", "start")]).stdout.toString()
    expect(start()).toBe(`limiter-b is running, pid ${before}\n`)
    process.kill(before, "SIGKILL")
    expect(start()).toMatch(/^limiter-b started, pid \d+\n$/)
    expect(pidOf(lab, "limiter-b")).not.toBe(before)
    const exec = await home.run(
      "exec",
      lab.lab,
      "limiter-b",
      "--",
      "sh",
      "-c",
      "pwd; ratelimiter --help | head -1; exit 7",
    )
    expect(exec).toMatchObject({
      exit_code: 7,
      stdout: expect.stringContaining(`${lab.dir}/limiter-b\nA distributed rate limiter`),
    })
    const logs = await home.run("logs", lab.lab, "limiter-b", "--json")
    expect((JSON.parse(logs.stdout) as { lines: string[] }[])[0]!.lines.length).toBeGreaterThan(1)
    await home.run("down", lab.lab)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "two starts at once make one node",
  async () => {
    const lab = await up()
    process.kill(pidOf(lab, "limiter-a"), "SIGKILL")
    const starts = Array.from({ length: 5 }, () => Bun.spawn([join(lab.dir, "limiter-a", "start")], { stdout: "pipe" }))
    const said = await Promise.all(starts.map((child) => child.stdout.text()))
    expect(said.filter((text) => text.includes("started"))).toHaveLength(1)
    await home.run("down", lab.lab)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "what was started in a lab ends with it, also without the lab's mark, and its folder goes with or without rights",
  async () => {
    const lab = await up()
    const leave = (command: string) => home.run("exec", lab.lab, "--", "sh", "-c", command)
    await leave("setsid sleep 300 >/dev/null 2>&1 & echo $! >marked")
    await leave("env -i setsid sleep 300 >/dev/null 2>&1 & echo $! >unmarked")
    await leave("mkdir -p limiter-a/data/old/in && chmod 500 limiter-a/data/old")
    const pids = ["marked", "unmarked"].map((name) => Number(readFileSync(join(lab.dir, name), "utf8")))
    expect(pids.map(identify)).not.toContain(undefined)
    await home.run("down", lab.lab)
    expect(pids.map(identify)).toEqual([undefined, undefined])
    expect(existsSync(lab.dir)).toBe(false)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "whoever puts something in the place of a shipped program deceives the monitor for no longer than a look",
  async () => {
    const lab = await up()
    const fake = () => home.run("exec", lab.lab, "--", "sh", "-c", `printf '#!/bin/sh\necho fake\n' >bin/ratelimiter`)
    await fake()
    expect((await home.run("chaos", "inject", lab.lab, "counter_drift")).stderr).toContain("confirmed")
    expect(readFileSync(join(lab.dir, "bin", "ratelimiter"), "utf8")).not.toContain("fake")
    await home.run("down", lab.lab)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a fault by hand is recorded, confirmed, seen by the monitor and undone",
  async () => {
    const lab = await up()
    const monitor = home.start("monitor", lab.lab, "--json")
    for (const fault of ["node_kill", "node_pause", "counter_drift"]) {
      const injected = JSON.parse((await home.run("chaos", "inject", lab.lab, fault, "--json")).stdout) as {
        id: string
        confirmation: string
      }
      expect(injected.confirmation).toBe("confirmed")
      const invariant = fault === "counter_drift" ? "counter_drift" : "node_running"
      const tickets = async (state: string) =>
        (
          JSON.parse((await home.run("tickets", "list", lab.lab, "--all", "--json")).stdout) as {
            invariant: string
            state: string
          }[]
        ).some((ticket) => ticket.invariant === invariant && ticket.state === state)
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
    expect((await home.run("chaos", "status")).stderr).not.toContain(lab.lab)
    const second = await home.run("monitor", lab.lab)
    expect(second).toMatchObject({ exit_code: 2, stderr: expect.stringContaining("monitor") })
    monitor.kill("SIGINT")
    expect(await monitor.exited).toBe(130)
    await home.run("down", lab.lab)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a lab is gone soon after its deadline",
  async () => {
    const lab = await up("--for", "12s")
    expect(await waitUntil(() => !existsSync(lab.dir), { timeout_ms: 20_000, every_ms: 50 })).toBe(true)
    expect((await home.run("labs")).stdout).not.toContain(lab.lab)
  },
  TIMEOUT_MS,
)

test(
  "an up that is killed before its lab is ready leaves nothing",
  async () => {
    const other = makeHome()
    const child = other.start("up", "ratelimiter")
    expect(await waitUntil(() => other.residue().length > 1, { timeout_ms: 20_000, every_ms: 10 })).toBe(true)
    child.kill("SIGKILL")
    await child.exited
    expect(await waitUntil(() => other.residue().length === 0, { timeout_ms: 20_000, every_ms: 20 })).toBe(true)
    await other.remove()
  },
  TIMEOUT_MS,
)
