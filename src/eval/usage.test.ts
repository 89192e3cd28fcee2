import { afterEach, beforeEach, expect, test } from "bun:test"
import { recordAttempt, recordRun } from "../../test/support/stored-campaign.ts"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import type { ModelTotals } from "../store/kinds.ts"
import { claimLab, endSession } from "../store/sessions.ts"
import { reserve, settle } from "../store/spending.ts"
import { measuredOf } from "./measured.ts"
import { usageByLab } from "./usage.ts"

let stored: StoredLab
let sessions = 0

beforeEach(() => {
  stored = storedLab()
  recordRun(stored.store, "c-1", 3)
  for (const id of ["t1", "t2", "t3"]) recordAttempt(stored.store, "c-1", id, { variant: id })
})
afterEach(() => stored[Symbol.dispose]())

const TOTALS: ModelTotals = {
  ...{ input_tokens: 900, output_tokens: 80, cache_read_tokens: 15, cache_write_tokens: 5 },
  ...{ cache_hit_rate: 0.5, model_ms: 10, waited_ms: 0 },
}

interface Worked {
  /** What each of its requests cost; null: nobody settled what was set aside, half a dollar. */
  requests?: (number | null)[]
  cost_usd?: number | null
  totals?: ModelTotals
}

/** A session of two steps on the lab of a trial. */
function work(trial: string, { requests = [], cost_usd = 0, totals }: Worked): void {
  const [lab, session] = [`lab-${trial}`, `s-${++sessions}`]
  const lease = claimLab(stored.store, { lab, session, variant: "v", model: "m", lease_ms: 1_000, max_attempts: 9 })!
  for (const usd of requests) {
    const set_aside = reserve(stored.store, { campaign: "c-1", lab, session, usd: 0.5, limits: { session_usd: null } })
    if (usd !== null && set_aside.kind === "reserved") settle(stored.store, set_aside.id, usd)
  }
  const end = { outcome: { kind: "claims_done" }, steps: 2, cost_usd, report: null } as const
  endSession(stored.store, lease, totals ? { ...end, totals } : end)
}

const usageOf = (trial: string) => usageByLab(stored.store, "c-1").get(`lab-${trial}`)

test("a trial costs what all of its sessions spent, with what nobody settled", () => {
  work("t1", { requests: [0.1, 0.2], cost_usd: 0.3, totals: TOTALS })
  work("t1", { requests: [null], cost_usd: null })
  work("t2", { requests: [1], cost_usd: 1 })
  expect(usageOf("t1")).toEqual({
    ...{ cost_usd: expect.closeTo(0.8, 12), steps: 4 },
    tokens: { input_tokens: 900, output_tokens: 80, cache_read_tokens: 15, cache_write_tokens: 5 },
  })
  expect(usageOf("t2")).toMatchObject({ cost_usd: 1, tokens: null })
})

test("tokens of several sessions are added", () => {
  work("t1", { requests: [0.1], totals: TOTALS })
  work("t1", { requests: [0.1], totals: TOTALS })
  expect(usageOf("t1")!.tokens).toMatchObject({ input_tokens: 1_800, output_tokens: 160 })
})

test("a trial of which a price is not known costs an unknown sum, and a control costs nothing", () => {
  work("t1", { cost_usd: null })
  work("t1", { requests: [0.5], cost_usd: 0.5 })
  work("t2", { cost_usd: 0 })
  expect(usageOf("t1")!.cost_usd).toBeNull()
  expect(usageOf("t2")).toEqual({ cost_usd: 0, tokens: null, steps: 2 })
  const costs = measuredOf(stored.store, { campaign: "c-1" }).map(({ cost_usd, steps }) => [cost_usd, steps])
  expect(costs).toEqual([
    [null, 4],
    [0, 2],
    [0, 0],
  ])
})
