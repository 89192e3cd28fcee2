import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import type { FaultOutline } from "../src/chaos/outline.ts"
import { makeHome, OPERATOR } from "./support/operator.ts"
import { inTerminal } from "./support/terminal.ts"

setDefaultTimeout(60_000)

const home = makeHome()
afterAll(() => home.remove())

async function listed(...words: string[]): Promise<FaultOutline[]> {
  const { stdout, stderr, exit_code } = await home.run("chaos", "list", ...words, "--json")
  expect({ stderr, exit_code }).toEqual({ stderr: "", exit_code: 0 })
  return JSON.parse(stdout) as FaultOutline[]
}

test("the catalogue tells each fault's platforms and parameters, with unit, bounds and default", async () => {
  const all = await listed()
  const loss = all.find(({ name }) => name === "packet_loss")!
  expect(loss).toMatchObject({ subject: null, platforms: ["docker"] })
  expect(loss.parameters[0]).toMatchObject({ name: "percent", unit: "percent", default: 20, range: expect.any(String) })
  expect(all.find(({ name }) => name === "counter_drift")).toMatchObject({ subject: "ratelimiter" })
  const { stdout } = await home.run("chaos", "list")
  for (const word of ["--param percent=20", "counter_drift of ratelimiter"]) expect(stdout).toContain(word)
})

test("of a subject it has what can be done there, and what the subject says of it", async () => {
  const [first, ...others] = await listed("etcd")
  expect(first).toMatchObject({
    name: "node_kill",
    declares: { group: "etcd", noticed_by: expect.arrayContaining(["node_running"]) },
  })
  expect(others.map(({ name }) => name)).toContain("packet_loss")
  expect(others.map(({ name }) => name)).not.toContain("counter_drift")
  const { stdout } = await home.run("chaos", "list", "etcd")
  expect(stdout).toContain("docker start {node}")
})

test("in a narrow window no line is too wide, but for what is one word, or a command to be copied", async () => {
  const printed = await inTerminal([...OPERATOR, "chaos", "list", "etcd"], { ...home.env, NO_COLOR: "1" }, { cols: 40 })
  const lines = printed.split("\n").filter((line) => !line.startsWith("    "))
  const wide = lines.filter((line) => line.length > 40 && line.trim().includes(" "))
  expect(wide).toEqual([])
  expect(printed.replaceAll(/\s+/g, " ")).toContain(
    "Loses a share of the packets between a node and its peers, each way",
  )
})
