import { beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Result } from "../src/eval/results.ts"
import { type Event, events } from "../src/store/events.ts"
import { getLab } from "../src/store/labs.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { listTrials } from "../src/store/trials.ts"
import { IMAGE } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { makeHome, OPERATOR } from "./support/operator.ts"
import { startScriptedClaude } from "./scripted-claude/server.ts"

const need = WITHOUT_ENGINE ? "(skipped: no Docker engine here)" : ""

/** What the harness knows and the agent must not, each in words of its own. */
const KEY = "sk-test-a-key-that-nobody-may-see"
const CAMPAIGN = "nobody-may-know-this-campaign"
/** What the search must find, lest it finds nothing because it looks nowhere. */
const CANARY = "a-canary-in-the-open"

/** As the shipped subjects are, with everything that a lab can have: a folder of its own, a volume, an environment. */
const SUBJECT = `name: kv
services:
  a: &node
    image: ${IMAGE}
    command: [sh, -c, "echo $$TOLD; exec sleep 600"]
    environment: { TOLD: ${CANARY}-env }
    volumes: ["./conf:/conf"]
  b:
    <<: *node
    volumes: ["data:/data", "./conf:/conf:ro"]
volumes: { data: {} }
x-operator:
  about: nobody-may-know-this-line
  groups: { nodes: [a, b] }
  ready: { stable: 1s }
  faults:
    node_kill: { group: nodes, noticed_by: [node_running], repair: { docker: "docker start {node}" } }
`

const SEARCH = readFileSync(join(import.meta.dir, "fixtures", "kitchen", "search.py"), "utf8")

/** Strings that are in the operator's executable or its sources, and in nothing else. */
const OF_THE_BINARY = ["/$bunfs/root", "BUN_BE_BUN", "Runs trials: each brings up a lab"]
const OF_THE_TRUTH = ["x-operator:", '"x-operator"', "noticed_by", "node_kill", "nobody-may-know-this-line"]
const ORDINARY = ["oracle", "operator", "chaos", "guardian"]

interface Looked {
  finds: string[]
  counts: Record<string, number>
}

describe.skipIf(WITHOUT_ENGINE)(`an agent that searches its kitchen and its lab ${need}`, () => {
  let looked: Looked

  beforeAll(async () => {
    looked = await search()
  }, 300_000)

  test("finds what is there in the open", () => {
    const places = looked.finds.filter((find) => find.includes(CANARY)).join("\n")
    for (const place of ["/work/compose.yaml", "docker inspect", "docker cp", "docker exec", "docker logs", "/proc/"])
      expect(places).toContain(place)
    expect(looked.counts.files).toBeGreaterThan(1_000)
    expect(looked.counts.processes).toBeGreaterThan(2)
  })

  test("finds neither the key, nor the truth, nor the executable, nor where the harness lives", () => {
    expect(looked.finds.filter((find) => !find.includes(CANARY))).toEqual([])
  })
})

/** One trial in which Claude does nothing but run the search. */
async function search(): Promise<Looked> {
  const home = makeHome()
  mkdirSync(join(home.dir, "compose", "conf"), { recursive: true })
  writeFileSync(join(home.dir, "compose", "kv.yaml"), SUBJECT)
  writeFileSync(join(home.dir, "compose", "conf", "note"), `${CANARY}-file`)
  writeFileSync(
    join(home.dir, "campaign.yaml"),
    `name: ${CAMPAIGN}\nsubjects: [kv]\nfaults: [node_kill]\nvariants: [default]
limits: { deadline: 4m, stable: 1s, verify: 1s, give_up_grace: 1s }\n`,
  )
  const words = () => {
    const store = openStoreReadOnly(home.db)
    const [trial] = listTrials(store)
    const { dir } = getLab(store, trial!.lab!)!
    store.close()
    return [KEY, trial!.id, trial!.campaign, CAMPAIGN, home.dir, dir]
  }
  const hex = (all: string[]) => all.map((word) => Buffer.from(word).toString("hex")).join(",")
  const sizes = [process.execPath, OPERATOR[0]!].map((file) => statSync(file).size)
  const command = () => {
    const everywhere = hex([...words(), ...OF_THE_BINARY, ...OF_THE_TRUTH, CANARY])
    return `export TOLD=${CANARY}-shell; python3 - ${everywhere} ${hex(ORDINARY)} ${sizes.join(",")} <<'END'\n${SEARCH}\nEND`
  }
  await using claude = await startScriptedClaude({
    key: KEY,
    script: [() => ({ call: { reasoning: "Look.", command: command() } }), { say: "ESCALATE: I have looked." }],
  })
  home.env.ANTHROPIC_BASE_URL = claude.url
  home.env.ANTHROPIC_API_KEY = KEY
  try {
    const { stdout, stderr, exit_code } = await home.run("campaign", "campaign.yaml", "--json")
    expect({ exit_code, stderr: exit_code === 0 ? "" : stderr }).toEqual({ exit_code: 0, stderr: "" })
    const { lab } = (JSON.parse(stdout) as { trials: Result[] }).trials[0]!
    const store = openStoreReadOnly(home.db)
    const [result] = events(store, lab!, { kinds: ["result"] })
    store.close()
    return read(result as Event<"result">)
  } finally {
    await home.remove()
  }
}

function read({ body }: Event<"result">): Looked {
  expect(body).toMatchObject({ exit_code: 0, ended_by: "exit" })
  const lines = body.shown.trim().split("\n")
  return { finds: lines.slice(0, -1), counts: JSON.parse(lines.at(-1)!.replaceAll("'", '"')) as Looked["counts"] }
}
