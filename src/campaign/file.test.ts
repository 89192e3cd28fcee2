import { expect, test } from "bun:test"
import { UsageError } from "../lib/errors.ts"
import { parseCampaign } from "./file.ts"

const parse = (text: string) => parseCampaign(text, "c.yaml", "c")

async function refusal(text: string): Promise<string> {
  try {
    await parse(text)
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error("it was read")
}

test("a campaign in the design's words is read, with lists of targets and parameters", async () => {
  const campaign = await parse(`
name: mine
subjects: [etcd, ratelimiter]
faults:
  - none
  - { fault: latency, target: [one, majority], params: { delay_ms: [50, 200], jitter_ms: 10 } }
variants: [oracle, nobody]
trials: 3
parallel: 2
cooldown: 5s
limits: { deadline: 30s, attempts: 1, usd: 12.5 }
require: [{ variant: oracle, verdict: repaired, at_least: 0.9 }]
`)
  expect(campaign).toEqual({
    name: "mine",
    subjects: ["etcd", "ratelimiter"],
    faults: [
      { fault: "none", targets: ["one"], params: {} },
      { fault: "latency", targets: ["one", "majority"], params: { delay_ms: [50, 200], jitter_ms: [10] } },
    ],
    variants: ["oracle", "nobody"],
    trials: 3,
    seed: 1,
    parallel: 2,
    cooldown_ms: 5_000,
    limits: { deadline_ms: 30_000, attempts: 1 },
    limit_usd: 12.5,
    requirements: [{ variant: "oracle", verdict: ["repaired"], at_least: 0.9 }],
  })
})

test("the earlier laboratory's words mean what ours mean", async () => {
  const campaign = await parse(`
name: full
subjects: [ratelimiter]
chaos_types:
  - type: node_kill
  - type: latency
    params:
      min_ms: 50
      max_ms: 150
variant: restart-bot
trials_per_combination: 3
parallel: 1
cooldown_seconds: 10
include_baseline: true
`)
  expect(campaign.faults).toEqual([
    { fault: "node_kill", targets: ["one"], params: {} },
    { fault: "latency", targets: ["one"], params: { min_ms: [50], max_ms: [150] } },
  ])
  expect(campaign).toMatchObject({ variants: ["nobody", "restart-bot"], trials: 3, cooldown_ms: 10_000, name: "full" })
  expect(campaign.limit_usd).toBeNull()
})

test("a baseline that is asked for twice is there once", async () => {
  const campaign = await parse("{ subjects: [a], faults: [none], variants: [nobody], include_baseline: true }")
  expect(campaign.variants).toEqual(["nobody"])
})

test("both words for one thing are refused, with the place", async () => {
  expect(await refusal("subjects: [a]\nfaults: [none]\nchaos_types: [{ type: none }]\nvariants: [x]")).toContain(
    "c.yaml:3:14: chaos_types: says the same as `faults`",
  )
})

test("what is missing, unknown or out of range is refused with the place and the nearest word", async () => {
  expect(await refusal("subjects: [a]\nvariants: [x]")).toContain("there is no `faults`")
  expect(await refusal("subjects: [a]\nfaults: [none]")).toContain("there is no `variants`")
  expect(await refusal("subjects: [a]\nfaults: [none]\nvariants: [x]\ntrails: 3")).toMatch(
    /c\.yaml:4:1: .*trails.*trials/,
  )
  expect(await refusal("subjects: [a]\nfaults: [none]\nvariants: [x]\nparallel: 0")).toContain("c.yaml:4:")
  expect(await refusal("subjects: [a]\nfaults: [none]\nvariants: [x]\nlimits: { usd: 0 }")).toContain("c.yaml:4:16:")
  expect(await refusal("subjects: []\nfaults: [none]\nvariants: [x]")).toContain("at least one subject")
  expect(await refusal("subjects: [a]\nfaults: [{ params: {} }]\nvariants: [x]")).toContain(
    "needs the name of a `fault`",
  )
})
