import { describe, expect, test } from "bun:test"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { waitUntil } from "../lib/clock.ts"
import { ATTEMPTS, DEFAULT_LIMITS, LEASE_MS, startMeter } from "./limits.ts"

const LIMITS = { steps: 3, usd: 1, minutes: 2, command_timeout_ms: 1_000 }

describe("a meter", () => {
  test("lets a session go on below every limit; its dollars are counted elsewhere", () => {
    const clock = fakeClock()
    const meter = startMeter(LIMITS, clock)
    Object.assign(meter, { steps: 2, cost_usd: 1_000 })
    clock.advance(119_999)
    expect(meter.exceeded()).toBeUndefined()
    expect(meter.left_ms()).toBe(1)
  })

  test("names the limit that is reached, in the order steps, time", () => {
    const clock = fakeClock()
    const meter = startMeter(LIMITS, clock)
    clock.advance(120_000)
    expect(meter.exceeded()).toEqual({ kind: "limit", which: "time" })
    meter.steps = 3
    expect(meter.exceeded()).toEqual({ kind: "limit", which: "steps" })
  })

  test("adds up what turns, failures and waiting took", () => {
    const meter = startMeter(LIMITS, fakeClock())
    const rest = { content: [], stop_reason: "end_turn", model: "m", request_id: null }
    const usage = { input_tokens: 10, output_tokens: 7, cache_read_input_tokens: 60, cache_creation_input_tokens: 30 }
    meter.count({ ...rest, usage, cost_usd: 0.25, waited_ms: 40 }, 100)
    meter.count({ ...rest, usage: { cache_read_input_tokens: 100 }, cost_usd: 0.5, waited_ms: 0 }, 10)
    meter.charge(0.125)
    meter.wait(5, { in_vain: true })
    meter.wait(3, { in_vain: false })
    expect({ steps: meter.steps, cost_usd: meter.cost_usd }).toEqual({ steps: 2, cost_usd: 0.875 })
    expect(meter.totals).toEqual({
      ...{ input_tokens: 10, output_tokens: 7, cache_read_tokens: 160, cache_write_tokens: 30 },
      ...{ cache_hit_rate: 0.8, model_ms: 118, waited_ms: 45 },
    })
  })

  test("does not know what a session costs once one part of it is not known", () => {
    const meter = startMeter(LIMITS, fakeClock())
    for (const cost_usd of [1, null, 1]) meter.charge(cost_usd)
    expect(meter.cost_usd).toBeNull()
  })

  test("has no cache hit rate without a token", () => {
    expect(startMeter(LIMITS, fakeClock()).totals.cache_hit_rate).toBeNull()
  })

  test("has no time left rather than less than none", () => {
    const clock = fakeClock()
    const meter = startMeter(LIMITS, clock)
    clock.advance(999_999)
    expect(meter.left_ms()).toBe(0)
  })

  test("aborts what waits when the time is up, and not before", async () => {
    const soon = startMeter({ ...LIMITS, minutes: 0.001 }, fakeClock())
    const never = startMeter({ ...LIMITS, minutes: 1e9 }, fakeClock())
    expect(soon.time_up.aborted).toBe(false)
    expect(await waitUntil(() => soon.time_up.aborted, { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
    expect(never.time_up.aborted).toBe(false)
  })
})

test("the limits are those of the design", () => {
  expect(DEFAULT_LIMITS).toEqual({ steps: 60, usd: 3, minutes: 15, command_timeout_ms: 120_000 })
  expect([ATTEMPTS, LEASE_MS]).toEqual([2, 30_000])
})
