import { afterAll, beforeAll, expect } from "bun:test"
import type { Lab } from "../src/lab/lab.ts"
import { openLab } from "../src/lab/open.ts"
import { textFor } from "../src/lab/per-platform.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { alertProbe, type Spread } from "../src/monitor/probes/alert.ts"
import { getLab } from "../src/store/labs.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { dockerTest } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { type Home, makeHome } from "./support/operator.ts"

/** Its images are built from packages when this machine does not have them yet. */
const UP_TIMEOUT_MS = 600_000
const SEEN_WITHIN_MS = 60_000

/** What a healthy cluster never shows; how fast this machine's disk is, other alerts tell. */
const FIRES = ["etcdMembersDown", "etcdInsufficientMembers", "etcdNoLeader"]

let home: Home
let lab: Lab
beforeAll(async () => {
  home = makeHome()
  if (WITHOUT_ENGINE) return
  const { stdout, stderr, exit_code } = await home.run("up", "etcd", "--json")
  expect({ exit_code, stderr: exit_code === 0 ? "" : stderr }).toEqual({ exit_code: 0, stderr: "" })
  const store = openStoreReadOnly(home.db)
  lab = await openLab(store, getLab(store, (JSON.parse(stdout) as { lab: string }).lab)!)
  store.close()
}, UP_TIMEOUT_MS)
afterAll(async () => {
  if (!WITHOUT_ENGINE) await home.run("down", "--all")
  const residue = home.residue()
  await home.remove()
  expect(residue).toEqual([])
})

/** What each alert of the subject sees now, whatever its `for`. */
async function look(): Promise<Map<string, Spread>> {
  const { signal } = new AbortController()
  const alerts = lab.subject.invariants.filter(({ alert }) => alert !== undefined)
  const seen = alerts.map(async ({ name, alert, may_be_missing }): Promise<[string, Spread]> => {
    const asked = { prometheus: textFor(lab.subject.prometheus, lab.platform)!, expression: alert!, may_be_missing }
    return [name, await alertProbe(lab, asked, { timeout_ms: 5_000, signal })]
  })
  return new Map(await Promise.all(seen))
}

const statuses = async () => Object.fromEntries([...(await look())].map(([name, { whole }]) => [name, whole.status]))
const soon = (condition: () => Promise<boolean>) => waitUntil(condition, { timeout_ms: SEEN_WITHIN_MS, every_ms: 500 })

dockerTest(
  "every alert of a real etcd cluster can be told, and the mixin's fire when it has lost its majority",
  async () => {
    let seen: Record<string, string> = {}
    const well = async () => {
      seen = await statuses()
      return !Object.values(seen).includes("unknown") && FIRES.every((name) => seen[name] === "ok")
    }
    expect({ well: await soon(well), seen }).toMatchObject({ well: true })
    expect(Object.keys(seen)).toHaveLength(16)
    for (const node of (await lab.nodes()).filter(({ service }) => ["etcd1", "etcd2"].includes(service)))
      await lab.signal(node, "kill")
    const ill = async () => {
      seen = await statuses()
      return FIRES.every((name) => seen[name] === "violated")
    }
    expect({ ill: await soon(ill), seen }).toMatchObject({ ill: true })
    expect([...(await look()).get("etcdNoLeader")!.parts!.keys()]).toEqual(["etcd0"])
  },
  2 * SEEN_WITHIN_MS + 30_000,
)
