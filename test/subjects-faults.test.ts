import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { FaultCheck } from "../src/campaign/check-faults.ts"
import { type Ended, type Home, makeHome } from "./support/operator.ts"

/** Each test brings up labs, on a machine that may have other things to do. */
setDefaultTimeout(180_000)

let home: Home
beforeAll(() => {
  home = makeHome()
})
afterAll(() => home.remove())

const SERVER = join(import.meta.dir, "fixtures", "watched", "server.ts")

/** A subject of one process that is well while a file is not there, with these faults beside one that makes the file. */
function subject(name: string, faults: object): string {
  const path = join(home.dir, `${name}.yaml`)
  const declared = {
    about: "A file is in the way",
    inject: "touch '{lab}/blocked'",
    undo: "rm -f '{lab}/blocked'",
    active: "test -f '{lab}/blocked'",
  }
  const block = {
    ready: { timeout: "60s", stable: "200ms" },
    processes: { a: { command: `${process.execPath} ${SERVER}` } },
    invariants: [
      {
        name: "blocked",
        every: "50ms",
        probe: { exec: `test -f "{lab}/blocked" && echo '{"n": 1}' || echo '{"n": 0}'` },
        holds: "body.n = 0",
      },
      { name: "unmoved", probe: { exec: `echo '{"n": 0}'` }, holds: "body.n = 0" },
    ],
    faults: Object.fromEntries(
      Object.entries(faults).map(([fault, more]) => [fault, { declared, noticed_by: ["blocked"], ...more }]),
    ),
  }
  writeFileSync(path, JSON.stringify({ name, services: { a: { image: "x" } }, "x-operator": block }))
  return path
}

function check(...words: string[]): Promise<Ended> {
  return home.run("subjects", "check", ...words, "--faults", "--json")
}

function faultsOf({ stdout }: Ended): Record<string, FaultCheck> {
  const { faults } = JSON.parse(stdout) as { faults: FaultCheck[] }
  return Object.fromEntries(faults.map((one) => [one.fault, one]))
}

const REPAIR = { repair: "rm '{lab}/blocked'" }

test("a fault that is noticed, repaired and reverted as it is declared holds, and its lab is gone", async () => {
  const ended = await check(
    subject("well", { block: REPAIR, node_pause: { declared: undefined, ...REPAIR } }),
    "--fault",
    "block",
  )
  expect({ exit_code: ended.exit_code, said: ended.exit_code === 0 ? "" : ended.stderr }).toEqual({
    exit_code: 0,
    said: "",
  })
  const { block, ...others } = faultsOf(ended)
  expect(others).toEqual({})
  expect(block).toMatchObject({ result: "ok", reason: null, confirmed: { confirmation: "confirmed" } })
  expect(block!.noticed!.by).toBe("blocked")
  for (const took_ms of [block!.repaired_ms, block!.reverted_ms]) expect(took_ms).toBeNumber()
  expect(ended.stderr).toMatch(/block: noticed by blocked after .*\n.*block: repaired after .*\n/)
  expect(home.residue()).toEqual([])
})

test("each way in which a fault is not as it is declared is said of it, is exit 3, and keeps no other from being tried", async () => {
  const faults = {
    block: REPAIR,
    unrepaired: { repair: "true" },
    fails: { repair: "rm '{lab}/blocked'; echo so; exit 7" },
    unnoticed: { ...REPAIR, noticed_by: ["unmoved"] },
    nameless: { ...REPAIR, noticed_by: [] },
    unmended: {},
    elsewhere: { repair: { docker: "true" } },
    process_hang: { declared: undefined, ...REPAIR },
  }
  const ended = await check(subject("ill", faults), "--within", "3s", "--parallel", "2")
  expect(ended.exit_code === 3 ? "" : ended.stderr).toBe("")
  const checks = Object.values(faultsOf(ended)).map(({ fault, result, reason }) => `${fault} ${result} ${reason}`)
  const expected = [
    /^block ok null$/,
    /^unrepaired failed not repaired: these gates fail: blocked$/,
    /^fails failed not repaired: its command ended with exit 7: so/,
    /^unnoticed failed not noticed: no ticket of unmoved opened within 3\.0 s, but of blocked$/,
    /^nameless failed it names no invariant that notices it$/,
    /^unmended failed it declares no repair$/,
    /^elsewhere not_here it declares no repair for process labs$/,
    /^process_hang not_here it does not work on process labs$/,
  ]
  for (const [index, pattern] of expected.entries()) expect(checks[index]).toMatch(pattern)
  expect(checks).toHaveLength(expected.length)
  expect(ended.stderr).toContain("  unmended: it declares no repair\n")
  expect(home.residue()).toEqual([])
})

test("a fault that the subject does not declare is refused before anything is brought up", async () => {
  const ended = await check(subject("typo", { block: REPAIR }), "--fault", "blok")
  expect(ended.exit_code).toBe(2)
  expect(ended.stderr).toContain('declares no fault "blok" (did you mean "block"?)')
})
