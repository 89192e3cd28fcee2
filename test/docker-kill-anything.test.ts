import { afterAll, beforeAll, expect } from "bun:test"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { mountedFolder } from "../src/lab/platforms/docker/mounted-folder.ts"
import { seeded } from "../src/lib/random.ts"
import { dockerTest, labelled, provideWeb } from "./support/docker.ts"
import { finish, killRounds } from "./support/killing.ts"
import { type Home, makeHome } from "./support/operator.ts"

/** One of each kind of process, all at once, and the runner again. */
const ROUNDS = 6
/** Within it a lab comes up, and is broken, worked on and taken down. */
const MAX_WAIT_MS = 9_000
const TIMEOUT_MS = 300_000

const CAMPAIGN = `
name: survivor
subjects: [web]
faults: [node_kill, node_pause]
variants: [oracle, do-nothing]
parallel: 2
limits: { deadline: 12s, symptom_within: 8s, stable: 1s, verify: 1s, give_up_grace: 1s }
`

let home: Home
beforeAll(() => {
  home = makeHome()
  provideWeb(home)
})
afterAll(() => home.remove())

dockerTest(
  "kill -9 of anything around containers: the same command finishes the campaign, and nothing is left at the engine",
  async () => {
    const file = join(home.dir, "survivor.yaml")
    writeFileSync(file, CAMPAIGN)
    const random = seeded(Number(Bun.env.KILL_SEED ?? 20_261_121))
    const killed = await killRounds(home, file, { rounds: ROUNDS, max_wait_ms: MAX_WAIT_MS, random })
    expect(killed).toBeGreaterThan(ROUNDS / 2)
    const { verdicts, labs } = await finish(home, file)
    expect(verdicts).toEqual({
      "node_kill oracle": "repaired",
      "node_pause oracle": "repaired",
      "node_kill do-nothing": "unrepaired",
      "node_pause do-nothing": "unrepaired",
    })
    for (const lab of labs) {
      const mounted = mountedFolder(join(home.dir, "labs", lab))
      expect({ lab, left: labelled(lab), mounted: existsSync(mounted) }).toEqual({ lab, left: [], mounted: false })
    }
  },
  TIMEOUT_MS,
)
