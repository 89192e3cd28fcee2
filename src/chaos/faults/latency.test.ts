import { expect, test } from "bun:test"
import { latency } from "./latency.ts"

const problem = (given: Record<string, unknown>) => latency.params.safeParse(given).error?.issues[0]?.message

test("delays are a middle with what it varies by, or a range, and 200 ms where nothing is said", () => {
  for (const given of [
    {},
    { delay_ms: 50, jitter_ms: 50 },
    { jitter_ms: 20 },
    { min_ms: 0, max_ms: 10, delay_ms: 200 },
  ])
    expect(problem(given)).toBeUndefined()
})

test.each([
  [{ min_ms: 5 }, "min_ms and max_ms go together"],
  [{ min_ms: 10, max_ms: 5 }, "min_ms is larger than max_ms"],
  [{ delay_ms: 10, jitter_ms: 11 }, "jitter_ms is larger than delay_ms"],
  [{ delay_ms: 0 }, "delay_ms is 0"],
  [{ max_ms: 0, min_ms: 0 }, "max_ms is 0"],
  [{ delay_ms: 10_001 }, "Too big: expected number to be <=10000"],
])("%j is refused", (given, said) => expect(problem(given)).toBe(said))
