import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import { seeded } from "../src/lib/random.ts"
import type { Phase } from "../src/store/kinds.ts"
import { forget, killAt, killGuardian, reaches, recorded } from "./support/faulted.ts"
import { type Home, makeHome } from "./support/operator.ts"
import { SLEEPY, SLOW_S } from "./support/sleepy-file.ts"

setDefaultTimeout(180_000)
const SOON = { timeout_ms: 60_000, every_ms: 20 }

const homes: Home[] = []
afterAll(() => Promise.all(homes.map((home) => home.remove())))

async function newLab(): Promise<{ home: Home; lab: string }> {
  const home = makeHome()
  homes.push(home)
  writeFileSync(join(home.dir, "sleepy.yaml"), SLEEPY)
  const { stdout, stderr, exit_code } = await home.run("up", "./sleepy.yaml")
  expect({ exit_code, stderr }).toMatchObject({ exit_code: 0 })
  return { home, lab: stdout.trim() }
}

/** Where the slow fault is, of the three nodes. */
const broken = ({ dir }: Home, lab: string) =>
  ["a", "b", "c"].filter((node) => existsSync(join(dir, "labs", lab, node, "broken")))

async function states(home: Home): Promise<string[]> {
  const labs = JSON.parse((await home.run("labs", "--json")).stdout) as { nodes: { state: string }[] }[]
  return [...new Set(labs.flatMap(({ nodes }) => nodes.map(({ state }) => state)))]
}

const SLOWLY = ["slow", "--target", "all", "--allow-quorum-loss"]

describe("whoever is killed over a fault, by a guardian that lives,", () => {
  let home: Home
  let lab: string
  beforeAll(async () => void ({ home, lab } = await newLab()))

  /** And stays so: no command of the dead changes anything afterwards. */
  async function isWell(): Promise<void> {
    expect(await reaches(home, lab, "reverted", "void")).toMatchObject({ phase: "reverted" })
    await Bun.sleep(SLOW_S * 1_000 * 2)
    expect([broken(home, lab), await states(home)]).toEqual([[], ["running"]])
  }

  test("is tidied up after while it was injecting, and half of it was there", async () => {
    await killAt(home, lab, "injecting", "chaos", "inject", lab, ...SLOWLY)
    await isWell()
  })

  test("is tidied up after while it was reverting, and half of it was gone", async () => {
    expect(await home.run("chaos", "inject", lab, ...SLOWLY)).toMatchObject({ exit_code: 0 })
    expect(broken(home, lab)).toEqual(["a", "b", "c"])
    await killAt(home, lab, "reverting", "chaos", "revert", "--all")
    await isWell()
  })

  test("has what was to last for a time taken back when that is over, and not before", async () => {
    const { id } = await killAt(home, lab, "active", "chaos", "inject", lab, "node_pause", "--for", "2s")
    expect(recorded(home, lab).at(-1)).toMatchObject({ id, phase: "active" })
    await isWell()
  })

  test("leaves nothing at twelve random moments", async () => {
    const random = seeded(Number(Bun.env.KILL_SEED ?? 20_261_121))
    for (let round = 0; round < 12; round++) {
      const child = home.start("chaos", "inject", lab, round % 2 === 0 ? "node_pause" : "node_kill", "--for", "300ms")
      await Promise.race([child.exited, Bun.sleep(random() * 900)])
      child.kill("SIGKILL")
      await child.exited
      const over = () => recorded(home, lab).every(({ phase }) => phase === "reverted" || phase === "void")
      expect(await waitUntil(over, SOON)).toBe(true)
      expect(await states(home)).toEqual(["running"])
    }
  })

  test("may have undone two faults in any order, and twice", async () => {
    for (const first of [0, 1]) {
      const ids: string[] = []
      for (const words of [[...SLOWLY], ["node_pause"]]) {
        const { stdout, exit_code } = await home.run("chaos", "inject", lab, ...words)
        expect(exit_code).toBe(0)
        ids.push(stdout.trim())
      }
      for (const id of [ids[first]!, ids[1 - first]!, ids[first]!]) {
        expect(await home.run("chaos", "revert", id)).toMatchObject({ exit_code: 0 })
      }
      expect([broken(home, lab), await states(home)]).toEqual([[], ["running"]])
    }
  })
})

describe.each<[Phase, string[]]>([
  ["injecting", ["chaos", "inject", "LAB", ...SLOWLY]],
  ["active", ["chaos", "inject", "LAB", "node_pause", "--for", "10m"]],
  ["reverting", ["chaos", "revert", "--all"]],
])("whoever is killed over a fault that is %s, and the guardian with him,", (phase, words) => {
  test("leaves what the next start removes; and with --force also when the store is deleted as well", async () => {
    for (const deleted of [false, true]) {
      const { home, lab } = await newLab()
      if (phase === "reverting") await home.run("chaos", "inject", lab, ...SLOWLY)
      await killAt(home, lab, phase, ...words.map((word) => (word === "LAB" ? lab : word)))
      killGuardian(home, lab)
      if (deleted) forget(home)
      const swept = await home.run("chaos", "sweep", ...(deleted ? ["--force"] : []))
      expect(swept).toMatchObject({ exit_code: 0, stdout: `${lab}\n` })
      expect(home.residue()).toEqual([])
      if (!deleted)
        expect(recorded(home, lab).map(({ phase }) => phase)).toEqual([expect.stringMatching(/reverted|void/)])
    }
  })
})
