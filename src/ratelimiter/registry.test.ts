import { afterEach, beforeEach, expect, test } from "bun:test"
import { systemClock, waitUntil } from "../lib/clock.ts"
import { check, Cluster, PATIENCE, request, run, type RunningNode } from "../../test/support/ratelimiter.ts"

let cluster: Cluster

beforeEach(() => void (cluster = new Cluster()))
afterEach(() => cluster.destroy())

async function statuses(url: string): Promise<Record<string, string>> {
  const { nodes } = (await request(url, "GET", "/nodes")).body as { nodes: { name: string; status: string }[] }
  return Object.fromEntries(nodes.map(({ name, status }) => [name, status]))
}

function becomes(url: string, name: string, status: string): Promise<boolean> {
  return waitUntil(async () => (await statuses(url))[name] === status, PATIENCE)
}

test("three nodes that start at once on an absent store all come up and see each other", async () => {
  const nodes = await cluster.startAll(["a", "b", "c"])
  for (const node of nodes) {
    const all_alive = async () => Bun.deepEquals(await statuses(node.url), { a: "alive", b: "alive", c: "alive" })
    expect(await waitUntil(all_alive, PATIENCE)).toBe(true)
  }
})

test("a killed node is shown as dead after a while, not at once, and as alive when it is back", async () => {
  const [a, b] = (await cluster.startAll(["a", "b"])) as [RunningNode, RunningNode]
  expect(await becomes(a.url, "b", "alive")).toBe(true)
  b.process.kill("SIGKILL")
  await b.process.exited
  expect((await statuses(a.url)).b).toBe("alive")
  expect(await becomes(a.url, "b", "dead")).toBe(true)

  const table = await run("status", "--url", a.url)
  expect(table.stdout).toMatch(/^NODE +STATUS +LAST SEEN +URL\na +alive .*\nb +dead .*\n$/)

  await cluster.start("b")
  expect(await becomes(a.url, "b", "alive")).toBe(true)
})

test("a node that is told to stop is dead at once, stays listed, and ends with 0", async () => {
  const [a, b] = (await cluster.startAll(["a", "b"])) as [RunningNode, RunningNode]
  expect(await becomes(a.url, "b", "alive")).toBe(true)
  await check(b.url, "keeps-a-connection-open")
  b.process.kill("SIGTERM")
  expect(await b.process.exited).toBe(0)
  expect(await statuses(a.url)).toEqual({ a: "alive", b: "dead" })

  const events = (await b.process.stdout.text()).trim().split("\n")
  expect(events.map((line) => JSON.parse(line).event)).toEqual(["started", "stopping", "stopped"])
})

test("a node whose port is taken, or whose port file cannot be written, ends with exit code 4", async () => {
  const { url } = await cluster.start("a")
  const serve = ["serve", "--name=b", "--store", cluster.store]
  const taken = await run(...serve, "--port", new URL(url).port)
  expect([taken.code, taken.stderr]).toEqual([4, expect.stringContaining("cannot listen at")])
  expect(await statuses(url)).toEqual({ a: "alive" })
  const unwritable = await run(...serve, "--port-file", `${cluster.folder}/absent/port`)
  expect([unwritable.code, unwritable.stderr]).toEqual([4, expect.stringContaining("cannot write")])
})
