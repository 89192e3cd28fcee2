import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { waitUntil } from "../src/lib/clock.ts"
import { forget, killGuardian } from "./support/faulted.ts"
import { type Home, makeHome } from "./support/operator.ts"
import { SLEEPY } from "./support/sleepy-file.ts"

setDefaultTimeout(120_000)
const SOON = { timeout_ms: 30_000, every_ms: 20 }

let home: Home
beforeEach(() => {
  home = makeHome()
  writeFileSync(join(home.dir, "sleepy.yaml"), SLEEPY)
})
afterEach(() => home.remove())

async function ends(exit_code: number, ...words: string[]): Promise<{ stdout: string; stderr: string }> {
  const ended = await home.run(...words)
  expect({ words, exit_code: ended.exit_code, stderr: ended.stderr }).toMatchObject({ words, exit_code })
  return ended
}

const up = async (...words: string[]) => (await ends(0, "up", "./sleepy.yaml", ...words)).stdout.trim()
const inFolder = () => readdirSync(join(home.dir, "labs"))

test("a lab of which store, guardian and folder are gone is known by its processes, and swept with --force alone", async () => {
  const lab = await up()
  await ends(0, "chaos", "inject", lab, "node_pause")
  killGuardian(home, lab)
  forget(home)
  expect((await ends(2, "chaos", "sweep")).stderr).toContain("operator.db")
  expect(home.residue()).toContain(lab)
  rmSync(join(home.dir, "labs"), { recursive: true })
  const would = JSON.parse((await ends(0, "chaos", "sweep", "--force", "--dry-run", "--json")).stdout) as object[]
  expect(would).toMatchObject([{ id: lab, why: expect.stringMatching(/^no store knows it: [1-9]\d* processes$/) }])
  expect(home.residue()).not.toEqual([])
  expect((await ends(0, "chaos", "sweep", "--force")).stdout.trim()).toBe(lab)
  expect(home.residue()).toEqual([])
  expect(existsSync(home.db)).toBe(false)
})

test("a sweep with --force leaves the labs of another store beside this one, and what is no lab's folder", async () => {
  const other = await up("--db", join(home.dir, "other.db"))
  const lab = await up()
  mkdirSync(join(home.dir, "labs", "notes"))
  killGuardian(home, lab)
  forget(home)
  expect((await ends(0, "chaos", "sweep", "--force")).stdout.trim()).toBe(lab)
  expect(inFolder().sort()).toEqual(["notes", other].sort())
  expect((await ends(0, "chaos", "sweep", "--force", "--db", join(home.dir, "other.db"))).stdout.trim()).toBe(other)
  expect(inFolder()).toEqual(["notes"])
})

test("a sweep without --force says what no store knows, and leaves it", async () => {
  const lab = await up()
  killGuardian(home, lab)
  forget(home)
  const other = await up()
  const { stdout, stderr } = await ends(0, "chaos", "sweep")
  expect([stdout, stderr]).toEqual(["", expect.stringContaining(`no store knows ${lab};`)])
  expect(inFolder().sort()).toEqual([lab, other].sort())
})

test("a guardian whose store is deleted takes its lab away, since nobody finds it any more", async () => {
  await up()
  forget(home)
  expect(await waitUntil(() => home.residue().length === 0, SOON)).toBe(true)
})
