import { afterAll, beforeAll, expect } from "bun:test"
import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { kitchenFolder } from "../src/lab/platforms/docker/kitchen-folder.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { dockerTest, labelled, TINY } from "./support/docker.ts"
import { type Home, makeHome } from "./support/operator.ts"

const TIMEOUT_MS = 300_000

/** Whoever has this variant is in the kitchen for as long as it takes to be killed there. */
const LINGERS = `name: lingers
about: waits
model: runbook
runbook: [{ reasoning: It takes its time., command: sleep 100 }]
`

let home: Home
beforeAll(() => {
  home = makeHome()
  for (const folder of ["compose", "variants"]) mkdirSync(join(home.dir, folder))
  writeFileSync(join(home.dir, "compose", "tiny.yaml"), TINY)
  writeFileSync(join(home.dir, "variants", "lingers.yaml"), LINGERS)
})
afterAll(() => home.remove())

const docker = (...words: string[]) =>
  Bun.spawnSync(["docker", ...words])
    .stdout.toString()
    .trim()
const seen = (condition: () => boolean) => waitUntil(condition, { timeout_ms: 60_000, every_ms: 20 })

dockerTest(
  "an agent that is killed in its kitchen leaves a folder in /tmp, which goes with the lab",
  async () => {
    const { stdout, stderr } = await home.run("up", "tiny", "--json")
    if (stdout === "") throw new Error(stderr)
    const { lab, dir } = JSON.parse(stdout) as { lab: string; dir: string }
    const monitor = home.start("monitor", lab)
    const folder = kitchenFolder(dir)

    // Whatever somebody else has put there is neither used nor removed.
    symlinkSync(home.dir, folder)
    await home.run("chaos", "inject", lab, "node_kill")
    const refused = await home.run("agent", lab, "--variant", "lingers", "--once")
    expect(refused.stderr).toContain(`${folder} is not a folder that only this user may use`)
    expect(readdirSync(home.dir)).toContain("operator.db")
    unlinkSync(folder)

    const agent = home.start("agent", lab, "--variant", "lingers")
    const working = () => existsSync(folder) && readdirSync(folder, { recursive: true }).join().includes("docker.sock")
    expect(await seen(() => working() && docker("ps", "-q", "--filter", `label=kitchen=${lab}`) !== "")).toBe(true)
    expect(lstatSync(folder).mode & 0o777).toBe(0o700)
    agent.kill("SIGKILL")
    await agent.exited
    expect(working()).toBe(true)

    await home.run("down", lab)
    expect(existsSync(folder)).toBe(false)
    expect(labelled(lab)).toEqual([])
    expect(await monitor.exited).toBe(0)
  },
  TIMEOUT_MS,
)
