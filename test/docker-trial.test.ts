import { afterAll, beforeAll, expect } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Result } from "../src/eval/results.ts"
import type { Verdict } from "../src/eval/verdict.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { firstBreak } from "../src/store/events.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { dockerTest, labelled, TINY } from "./support/docker.ts"
import { type Home, makeHome } from "./support/operator.ts"

const LIMITS = ["--stable", "2s", "--verify", "1s", "--grace", "1s", "--deadline", "8s", "--symptom-within", "4s"]
const TIMEOUT_MS = 240_000
/** Its images are built from packages when this machine does not have them yet. */
const ETCD_TIMEOUT_MS = 600_000

/** TINY, with the repairs that the oracle knows. */
const REPAIRABLE = TINY.replace(
  /faults: .*/,
  `faults:
    node_kill: { group: nodes, noticed_by: [node_running], repair: { docker: "docker start {node}" } }
    node_pause: { group: nodes, noticed_by: [node_running], repair: { docker: "docker unpause {node}" } }`,
)

let home: Home
beforeAll(() => {
  home = makeHome()
  mkdirSync(join(home.dir, "compose"))
  writeFileSync(join(home.dir, "compose", "tiny.yaml"), REPAIRABLE)
})
afterAll(async () => {
  const residue = home.residue()
  await home.remove()
  expect(residue).toEqual([])
})

async function trials(subject: string, fault: string, variants: string[], limits = LIMITS): Promise<Result[]> {
  const flags = variants.flatMap((variant) => ["--variant", variant])
  const words = ["campaign", "--subject", subject, "--fault", fault, ...flags, ...limits, "--parallel", "2", "--json"]
  const { stdout, stderr, exit_code } = await home.run(...words)
  expect({ exit_code, stderr: exit_code === 0 ? "" : stderr }).toEqual({ exit_code: 0, stderr: "" })
  return (JSON.parse(stdout) as { trials: Result[] }).trials
}

const verdicts = (results: Result[]) => Object.fromEntries(results.map(({ variant, verdict }) => [variant, verdict]))

const EXPECTED: Record<string, Record<string, Verdict>> = {
  node_kill: { oracle: "repaired", "restart-bot": "repaired", nobody: "unrepaired" },
  node_pause: { oracle: "repaired", "do-nothing": "unrepaired" },
  none: { nobody: "quiet" },
  false_page: { oracle: "quiet", "restart-bot": "meddled" },
  healed_page: { oracle: "quiet" },
}

for (const [fault, expected] of Object.entries(EXPECTED)) {
  dockerTest(
    `each control against ${fault} is judged on containers as on processes`,
    async () => {
      const results = await trials("tiny", fault, Object.keys(expected))
      expect(verdicts(results)).toEqual(expected)
      for (const { lab } of results) {
        expect(labelled(lab!)).toEqual([])
        const store = openStoreReadOnly(home.db)
        expect(firstBreak(store, lab!)).toBeUndefined()
        store.close()
      }
    },
    TIMEOUT_MS,
  )
}

dockerTest(
  "a trial whose every process but the guardian is killed leaves no container, network or volume",
  async () => {
    const campaign = home.start(
      "campaign",
      "--subject",
      "tiny",
      "--fault",
      "node_kill",
      "--variant",
      "nobody",
      ...LIMITS,
    )
    const rows = async () =>
      JSON.parse((await home.run("labs", "--json")).stdout) as { lab: string; nodes: { state: string }[] }[]
    let lab: string | undefined
    const broken = async () =>
      (lab = (await rows()).find(({ nodes }) => nodes.some(({ state }) => state === "exited"))?.lab) !== undefined
    expect(
      await waitUntil(async () => (await broken()) && labelled(lab!).length > 2, { timeout_ms: 30_000, every_ms: 20 }),
    ).toBe(true)
    const trial = Bun.spawnSync(["pgrep", "-f", `part trial .*--db ${home.db}`])
      .stdout.toString()
      .trim()
      .split("\n")
    for (const pid of [...trial.map(Number), campaign.pid]) process.kill(pid, "SIGKILL")
    const gone = () => labelled(lab!).length === 0 && home.residue().length === 0
    expect(await waitUntil(gone, { timeout_ms: 10_000, every_ms: 20 })).toBe(true)
  },
  TIMEOUT_MS,
)

dockerTest(
  "a member of a real etcd cluster is killed and started again: repaired, and every acknowledged write is there",
  async () => {
    const limits = ["--stable", "3s", "--verify", "2s", "--deadline", "30s", "--symptom-within", "10s"]
    const [result] = await trials("etcd", "node_kill", ["oracle"], limits)
    expect(result!.verdict).toBe("repaired")
    expect(result!.facts).toMatchObject({ lifted_by: "agent", harm: "none", confirmation: "confirmed" })
  },
  ETCD_TIMEOUT_MS,
)
