import { join } from "node:path"
import { append } from "../src/store/events.ts"
import { createCampaign } from "../src/store/campaigns.ts"
import { addJudgement } from "../src/store/judgements.ts"
import { openStore, type Store } from "../src/store/open.ts"
import { claimLab, endSession } from "../src/store/sessions.ts"
import { reserve, settle } from "../src/store/spending.ts"
import { keepText } from "../src/store/texts.ts"
import { createTrial, enterStage } from "../src/store/trials.ts"
import { result, INSTEAD } from "../test/support/results.ts"
import { recordLab } from "../test/support/stored-lab.ts"
import type { Benchmark } from "./measure.ts"

const CELLS = 50
const VARIANTS = ["nobody", "restart-bot", "oracle", "default"]
const REPETITIONS = 50
const TRIALS = CELLS * VARIANTS.length * REPETITIONS
const COMMANDS = 4
const RUNS = 10
const QUICK_RUNS = 3

/** All measures of a great campaign, read from the store and through a pipe. */
export const analysis: Benchmark = {
  name: "analysis",
  run: async (home, { quick }) => {
    const file = join(home.dir, "analysis.db")
    fill(file)
    const samples: number[] = []
    while (samples.length < (quick ? QUICK_RUNS : RUNS)) {
      const start_ms = performance.now()
      const text = await home.run("eval", "analyze", "last", "--json", "--db", file)
      samples.push(performance.now() - start_ms)
      const { arms } = JSON.parse(text) as { arms: { n: number }[] }
      if (arms.reduce((sum, { n }) => sum + n, 0) !== TRIALS) throw new Error("trials are missing from the analysis")
    }
    return [
      {
        name: `operator eval analyze, ${TRIALS.toLocaleString("en-US")} trials`,
        unit: "ms",
        samples,
        target: { of: "median", at_most: 1_000 },
      },
    ]
  },
}

// internal

const LIMITS = {
  ...{ deadline_ms: 12_000, symptom_within_ms: 1_000, stable_ms: 1_000 },
  ...{ verify_ms: 1_000, give_up_grace_ms: 1_000, attempts: 2 },
}

/** One campaign in which every trial has a lab, a session that cost something, a log and a judgement. */
function fill(file: string): void {
  const store = openStore(file)
  const campaign = "2026-01-28T20-54-40-00000000"
  const trials = Array.from({ length: TRIALS }, () => ({}))
  store.write(() => {
    createCampaign(store, { id: campaign, name: "great", matrix_hash: "0", matrix: JSON.stringify(trials) })
    for (let n = 0; n < TRIALS; n++) fillTrial(store, campaign, n)
  })
  store.close()
}

function fillTrial(store: Store, campaign: string, n: number): void {
  const [cell, variant] = [n % CELLS, VARIANTS[Math.floor(n / CELLS) % VARIANTS.length]!]
  const repetition = 1 + Math.floor(n / (CELLS * VARIANTS.length))
  const id = `trial-${n}`
  const text = keepText(store, "variant", `${variant}.yaml`, variant)
  createTrial(store, {
    ...{
      id,
      campaign,
      subject: "kv",
      fault: "node_kill",
      target: "one",
      params: { percent: cell },
      variant,
      repetition,
    },
    ...{ seed: repetition, limits: LIMITS, subject_text: text, variant_text: text, environment: {} },
  })
  const lab = recordLab(store, `kv-${n}`, id)
  store.db.query("update trials set lab = ? where id = ?").run(lab, id)
  if (variant !== "nobody") work(store, campaign, lab, variant, n)
  enterStage(store, id, lab, "done")
  const repaired = variant === "oracle" || (variant !== "nobody" && (n * 7) % 100 > cell * 2)
  const { facts, verdict, reasons } = result(
    {},
    repaired ? { recovered_ms: 500 + ((n * 37) % 9_000) } : INSTEAD.unrepaired,
  )
  addJudgement(store, { trial: id, judge_version: 2, facts, verdict: verdict!, reasons })
}

function work(store: Store, campaign: string, lab: string, variant: string, n: number): void {
  const session = `session-${n}`
  const lease = claimLab(store, { lab, session, variant, model: variant, lease_ms: 1_000, max_attempts: 1 })!
  const cost_usd = variant === "default" ? 0.1 + (n % 17) / 100 : 0
  const reserved = reserve(store, { campaign, lab, session, usd: 1, limits: { session_usd: null } })
  if (reserved.kind === "reserved") settle(store, reserved.id, cost_usd)
  for (let step = 1; step <= COMMANDS; step++) {
    append(store, lab, "command", { step, call: `call-${step}`, command: "ls", reasoning: "to see" }, { session })
  }
  const tokens = { input_tokens: 900, output_tokens: 100, cache_read_tokens: 0, cache_write_tokens: 0 }
  const totals = { ...tokens, cache_hit_rate: 0, model_ms: 1, waited_ms: 0 }
  endSession(store, lease, { outcome: { kind: "claims_done" }, steps: COMMANDS, cost_usd, report: null, totals })
}
