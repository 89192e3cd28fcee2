import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Verdict } from "../src/eval/verdict.ts"
import type { Result } from "../src/eval/results.ts"
import { type Event, events, firstBreak } from "../src/store/events.ts"
import { openStoreReadOnly } from "../src/store/open.ts"
import { type Home, makeHome } from "./support/operator.ts"

/** Short enough for a test, long enough for the monitor to see each change. */
const LIMITS = ["--stable", "2s", "--verify", "1s", "--grace", "1s", "--deadline", "20s", "--symptom-within", "6s"]
const TIMEOUT_MS = 120_000

let home: Home
beforeAll(() => {
  home = makeHome()
})
afterAll(async () => {
  const residue = home.residue()
  await home.remove()
  expect(residue).toEqual([])
})

async function trials(fault: string, variants: string[], subject = "ratelimiter"): Promise<Record<string, Result>> {
  const flags = variants.flatMap((variant) => ["--variant", variant])
  const { stdout, stderr, exit_code } = await home.run(
    "campaign",
    "--subject",
    subject,
    "--fault",
    fault,
    ...flags,
    ...LIMITS,
    "--json",
  )
  expect(stderr).not.toContain("    at ")
  expect(exit_code).toBe(0)
  const { trials } = JSON.parse(stdout) as { trials: Result[] }
  return Object.fromEntries(trials.map((trial) => [trial.variant, trial]))
}

/** The rate limiter with two faults that do nothing that a gate could see. */
const ODD = `${import.meta.dir}/fixtures/compose/odd.yaml`

const ALL = ["oracle", "restart-bot", "do-nothing", "nobody"]

const EXPECTED: Record<string, Record<string, Verdict | null>> = {
  node_kill: { oracle: "repaired", "restart-bot": "repaired", "do-nothing": "unrepaired", nobody: "unrepaired" },
  node_pause: { oracle: "repaired", "restart-bot": "unrepaired", "do-nothing": "unrepaired", nobody: "unrepaired" },
  counter_drift: { oracle: "repaired", "restart-bot": "unrepaired", "do-nothing": "unrepaired", nobody: "unrepaired" },
  none: { oracle: "quiet", "restart-bot": "quiet", "do-nothing": "quiet", nobody: "quiet" },
  false_page: { oracle: "quiet", "restart-bot": "meddled", "do-nothing": "quiet", nobody: "quiet" },
  healed_page: { oracle: "quiet", "restart-bot": "meddled", "do-nothing": "quiet", nobody: "quiet" },
}

for (const [fault, verdicts] of Object.entries(EXPECTED)) {
  test.concurrent(
    `each control against ${fault} is judged as it ought to be`,
    async () => {
      const results = await trials(fault, ALL)
      expect(Object.fromEntries(Object.entries(results).map(([variant, { verdict }]) => [variant, verdict]))).toEqual(
        verdicts,
      )
      expect(results.nobody?.facts?.sessions).toEqual([])
    },
    TIMEOUT_MS,
  )
}

test.concurrent(
  "a repaired trial leaves its whole story in the store",
  async () => {
    const { oracle } = await trials("node_kill", ["oracle"])
    const facts = oracle!.facts!
    expect(facts.symptom_ms).toBeGreaterThanOrEqual(0)
    expect(facts.detected_ms).toBeLessThan(facts.acted_ms!)
    expect(facts.acted_ms).toBeLessThan(facts.recovered_ms!)
    expect(facts).toMatchObject({
      confirmation: "confirmed",
      lifted_by: "agent",
      harm: "none",
      targets: [expect.stringMatching(/^limiter-[abc]$/)],
    })
    expect(facts.sessions).toEqual([
      { id: expect.any(String), outcome: { kind: "claims_done" }, verified: true, steps: 2 },
    ])

    const store = openStoreReadOnly(home.db)
    const log = events(store, oracle!.lab!)
    expect(firstBreak(store, oracle!.lab!)).toBeUndefined()
    const stages = log.flatMap((event) =>
      event.kind === "trial.stage" ? [(event.body as { stage: string }).stage] : [],
    )
    expect(stages).toEqual(["preparing", "ready", "injecting", "watching", "settling", "healing", "done"])
    const order = [
      "injection.planned",
      "injection.confirmed",
      "ticket.opened",
      "session.claimed",
      "command",
      "result",
      "session.verified",
      "trial.sealed",
      "lab.destroyed",
    ]
    const places = order.map((kind) => log.findIndex((event) => event.kind === kind))
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(places).not.toContain(-1)
    const samples = store.db
      .query<{ n: number }, [string]>("select sum(scheduled) as n from samples where lab = ?")
      .get(oracle!.lab!)
    expect(samples!.n).toBeGreaterThan(60)
    store.close()

    const shown = await home.run("audit", "show", oracle!.id)
    expect(shown.stdout).toContain("repaired")
    expect(shown.stdout).toMatch(/\$ ".*\/limiter-[abc]\/start"/)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a false page looks like any other, and the monitor knows nothing of it",
  async () => {
    const log = await story("false_page")
    expect(pageIn(log)).toMatch(/- t-[0-9a-f]+ \w+: \w+ of limiter-[abc] is violated since 2/)
    expect(pageIn(log)).not.toMatch(/false|healed/)
    expect(log.filter(({ kind }) => kind === "ticket.opened")).toEqual([])
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a healed page tells of a ticket that was there, once its fault is gone and the lab is well",
  async () => {
    const log = await story("healed_page")
    const opened = log.find(({ kind }) => kind === "ticket.opened")!.body as { ticket: string }
    expect(pageIn(log)).toContain(opened.ticket)
    const place = (kind: string, text = "") =>
      log.findIndex((event) => event.kind === kind && JSON.stringify(event.body).includes(text))
    const order = [
      place("ticket.opened"),
      place("injection.phase", '"reverting"'),
      place("ticket.resolved"),
      place("snapshot", '"before"'),
      place("session.claimed"),
    ]
    expect(order).toEqual([...order].sort((a, b) => a - b))
    expect(order).not.toContain(-1)
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a healed page without a ticket is invalid, and a fault that it cannot take is refused",
  async () => {
    const flags = ["--subject", ODD, "--fault", "healed_page", "--variant", "nobody", ...LIMITS, "--json"]
    const unfelt = await home.run("campaign", ...flags, "--param", "fault=unfelt")
    expect((JSON.parse(unfelt.stdout) as { trials: Result[] }).trials[0]).toMatchObject({
      verdict: "invalid",
      reason: "no_symptom",
    })
    const refusals = { node_kil: 'there is no fault "node_kil"', healed_page: "needs a fault that breaks something" }
    for (const [fault, reason] of Object.entries(refusals)) {
      const refused = await home.run("campaign", ...flags, "--param", `fault=${fault}`)
      expect(refused.exit_code).toBe(2)
      expect(refused.stderr).toContain(reason)
    }
  },
  TIMEOUT_MS,
)

test.concurrent(
  "a fault without an effect is invalid, whether it is not there or nobody feels it",
  async () => {
    const ineffective = await trials("no_effect", ["nobody"], ODD)
    expect(ineffective.nobody).toMatchObject({ verdict: "invalid", reason: "ineffective" })
    const unfelt = await trials("unfelt", ["nobody"], ODD)
    expect(unfelt.nobody).toMatchObject({ verdict: "invalid", reason: "no_symptom" })
  },
  TIMEOUT_MS,
)

test.concurrent(
  "the same seed breaks the same node under every variant, and another seed may break another",
  async () => {
    const { stdout } = await home.run(
      "campaign",
      "--subject",
      "ratelimiter",
      "--fault",
      "node_kill",
      "--variant",
      "oracle",
      "--variant",
      "restart-bot",
      "-n",
      "2",
      "--seed",
      "5",
      ...LIMITS,
      "--json",
    )
    const { trials } = JSON.parse(stdout) as { trials: Result[] }
    const targets = (repetition: number) =>
      trials.filter((trial) => trial.repetition === repetition).map((trial) => trial.facts!.targets.join())
    expect(new Set(targets(1)).size).toBe(1)
    expect(new Set(targets(2)).size).toBe(1)
    expect(trials.map(({ seed }) => seed).sort()).toEqual([5, 5, 6, 6])
  },
  TIMEOUT_MS,
)

/** The log of a trial in which the control that does nothing was called. */
async function story(fault: string): Promise<Event[]> {
  const { "do-nothing": trial } = await trials(fault, ["do-nothing"])
  const store = openStoreReadOnly(home.db)
  try {
    return events(store, trial!.lab!)
  } finally {
    store.close()
  }
}

function pageIn(log: readonly Event[]): string {
  return (log.find(({ kind }) => kind === "page")!.body as { text: string }).text
}
