import { describe, expect, test } from "bun:test"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { waitUntil } from "../lib/clock.ts"
import { ATTEMPTS, DEFAULT_LIMITS, LEASE_MS, startMeter } from "./limits.ts"

const LIMITS = { steps: 3, usd: 1, minutes: 2, command_timeout_ms: 1_000 }

describe("a meter", () => {
  test("lets a session go on below every limit", () => {
    const clock = fakeClock()
    const meter = startMeter(LIMITS, clock)
    Object.assign(meter, { steps: 2, cost_usd: 0.999 })
    clock.advance(119_999)
    expect(meter.exceeded()).toBeUndefined()
    expect(meter.left_ms()).toBe(1)
  })

  test("names the limit that is reached, in the order steps, dollars, time", () => {
    const clock = fakeClock()
    const meter = startMeter(LIMITS, clock)
    clock.advance(120_000)
    expect(meter.exceeded()).toEqual({ kind: "limit", which: "time" })
    meter.cost_usd = 1
    expect(meter.exceeded()).toEqual({ kind: "limit", which: "usd" })
    meter.steps = 3
    expect(meter.exceeded()).toEqual({ kind: "limit", which: "steps" })
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
