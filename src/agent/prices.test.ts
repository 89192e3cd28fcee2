import { describe, expect, test } from "bun:test"
import { UsageError } from "../lib/errors.ts"
import { builtInPrices, costOf, parsePrices, readPrices, type Usage, worstCostOf } from "./prices.ts"

const TABLE = `
as_of: 2026-11-20
models:
  flat: { input: 4, output: 20, cache_read: 0.2 }
  steps:
    - { input: 0.1, output: 0.5 }
    - { above_tokens: 100000, input: 0.5, output: 2.5 }
`

const prices = await parsePrices(TABLE, "p.yaml")

const cost = (model: string, usage: Usage) => costOf(prices, model, usage)

async function refusal(text: string): Promise<string> {
  const ended: unknown = await parsePrices(text, "p.yaml").catch((error: unknown) => error)
  if (ended instanceof UsageError) return ended.message
  throw new Error("was not refused", { cause: ended })
}

describe("a request", () => {
  test("costs what each kind of its tokens costs", () => {
    const usage = {
      input_tokens: 1_000,
      output_tokens: 2_000,
      cache_read_input_tokens: 10_000,
      cache_creation_input_tokens: 7_000,
      cache_creation: { ephemeral_5m_input_tokens: 4_000, ephemeral_1h_input_tokens: 3_000 },
    }
    expect(cost("flat", usage)).toBeCloseTo(
      (1_000 * 4 + 2_000 * 20 + 10_000 * 0.2 + 4_000 * 5 + 3_000 * 8) / 1_000_000,
      12,
    )
  })

  test("has written to the cache for five minutes where nothing else is said", () => {
    const usage = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 1_000_000 }
    expect(cost("flat", usage)).toBeCloseTo(5)
    expect(cost("flat", { ...usage, cache_creation: null })).toBeCloseTo(5)
    expect(cost("flat", { ...usage, cache_creation: { ephemeral_1h_input_tokens: 1_000_000 } })).toBeCloseTo(8)
  })

  test("may leave out what it did not use, but not everything", () => {
    expect(cost("flat", { input_tokens: 1_000_000 })).toBe(4)
    expect(cost("flat", { input_tokens: null, output_tokens: 1_000_000, cache_read_input_tokens: null })).toBe(20)
    expect(cost("flat", {})).toBeNull()
    expect(cost("flat", { input_tokens: null })).toBeNull()
  })

  test("pays for all of its tokens by the size of its whole prompt, cached or not", () => {
    const output_tokens = 1_000_000
    expect(cost("steps", { input_tokens: 100_000, output_tokens })).toBeCloseTo(0.01 + 0.5, 12)
    expect(cost("steps", { input_tokens: 100_001, output_tokens })).toBeCloseTo(0.0500005 + 2.5, 12)
    const cached = { input_tokens: 1, output_tokens, cache_read_input_tokens: 60_000 }
    expect(cost("steps", { ...cached, cache_creation_input_tokens: 39_999 })).toBeLessThan(0.6)
    expect(cost("steps", { ...cached, cache_creation_input_tokens: 40_000 })).toBeGreaterThan(2.5)
    const by_kind = { ephemeral_5m_input_tokens: 20_000, ephemeral_1h_input_tokens: 20_000 }
    expect(cost("steps", { ...cached, cache_creation: by_kind })).toBeGreaterThan(2.5)
  })

  test("of a dated model costs what its model does, and one of another model is not known", () => {
    const usage = { input_tokens: 1_000_000, output_tokens: 0 }
    expect(cost("flat-20251001", usage)).toBe(4)
    for (const other of ["flat-2", "flat-20251001-x", "fla", "flat-latest", "toString"]) {
      expect([other, cost(other, usage)]).toEqual([other, null])
    }
  })

  test("that searched the web costs the search too, and is not known without its price", async () => {
    const usage = { input_tokens: 1_000_000, output_tokens: 0, server_tool_use: { web_search_requests: 3 } }
    expect(cost("flat", usage)).toBeNull()
    expect(cost("flat", { ...usage, server_tool_use: { web_search_requests: 0, web_fetch_requests: 2 } })).toBe(4)
    expect(costOf(await parsePrices(`${TABLE}\nweb_search_usd: 0.01`, "p.yaml"), "flat", usage)).toBeCloseTo(4.03)
  })

  test("that was not billed by the list is not known", () => {
    const usage = { input_tokens: 1_000_000, output_tokens: 0 }
    expect(cost("flat", { ...usage, speed: "standard", service_tier: "standard", inference_geo: "global" })).toBe(4)
    expect(cost("flat", { ...usage, inference_geo: "not_available" })).toBe(4)
    for (const other of [{ speed: "fast" }, { service_tier: "batch" }, { inference_geo: "us" }]) {
      expect(cost("flat", { ...usage, ...other })).toBeNull()
    }
  })
})

describe("the most that a request may cost", () => {
  const worst = (model: string, prompt_tokens: number, max_tokens: number) =>
    worstCostOf(prices, model, { prompt_tokens, max_tokens })

  test("is all of the prompt written to the cache for an hour, and all of the output", () => {
    expect(worst("flat", 10_000, 1_000)).toBeCloseTo((10_000 * 8 + 1_000 * 20) / 1_000_000, 12)
    expect(worst("nobody-knows", 1, 1)).toBeNull()
  })

  test("is at the dearest step that its prompt may reach, which need not be the last one", async () => {
    expect(worst("steps", 100_000, 1_000_000)).toBeCloseTo(0.02 + 0.5, 12)
    expect(worst("steps", 100_001, 1_000_000)).toBeCloseTo(0.100001 + 2.5, 12)
    const text = "as_of: 2026-01-01\nmodels: {m: [{input: 9, output: 9}, {above_tokens: 10, input: 1, output: 1}]}"
    const falling = await parsePrices(text, "p.yaml")
    expect(worstCostOf(falling, "m", { prompt_tokens: 1_000_000, max_tokens: 0 })).toBe(18)
  })

  test("is never less than what a request within it did cost", async () => {
    const table = await builtInPrices()
    for (const model of ["claude-haiku-5-5", "claude-opus-5-5", "claude-fable-5-1"]) {
      for (const prompt_tokens of [0, 1, 99_999, 100_000, 100_001, 500_000]) {
        const most = worstCostOf(table, model, { prompt_tokens, max_tokens: 4_096 })!
        const third = Math.floor(prompt_tokens / 3)
        const mixed = { input_tokens: third, cache_read_input_tokens: third, cache_creation_input_tokens: third }
        const written = { input_tokens: 0, cache_creation: { ephemeral_1h_input_tokens: prompt_tokens } }
        for (const usage of [{ input_tokens: prompt_tokens }, mixed, written]) {
          const did = costOf(table, model, { ...usage, output_tokens: 4_096 })!
          expect(did).toBeLessThanOrEqual(most + 1e-12)
        }
      }
    }
  })
})

describe("the table", () => {
  test("that is built in is dated and knows the models of its day", async () => {
    const table = await builtInPrices()
    expect(table.as_of).toMatch(/^20\d\d-\d\d-\d\d$/)
    expect(table.text).toContain("as_of")
    for (const model of ["fable-5-2", "fable-5-1", "opus-5-5", "sonnet-5-5", "haiku-5-5", "haiku-4-5"]) {
      expect(table.of(`claude-${model}`)).toBeDefined()
    }
    expect(table.of("claude-haiku-4-5-20251001")).toBe(table.of("claude-haiku-4-5")!)
    const [small, large] = table.of("claude-haiku-5-5")!
    expect(small).toMatchObject({
      above_tokens: 0,
      input: 0.1,
      output: 0.5,
      cache_write_5m: 0.125,
      cache_write_1h: 0.2,
    })
    expect(small!.cache_read).toBeCloseTo(0.01, 12)
    expect(large).toMatchObject({ above_tokens: 100_000, input: 0.5, output: 2.5 })
    expect(large!.cache_read).toBeCloseTo(0.05, 12)
  })

  test("that does not fit is refused with the place", async () => {
    const with_model = (model: string) => `as_of: 2026-11-20\nmodels:\n  m: ${model}\n`
    expect(await refusal("models: {}")).toContain("as_of")
    expect(await refusal("as_of: yesterday\nmodels: {}")).toContain("p.yaml:1:8: as_of: a day, as in 2026-11-20")
    expect(await refusal(with_model("{ input: 1 }"))).toContain("p.yaml:3:3: models.m.output: missing, expected number")
    expect(await refusal(with_model("{ input: -1, output: 1 }"))).toContain("p.yaml:3:15: models.m.input:")
    expect(await refusal(with_model("{ input: 1, output: 1, cach_read: 1 }"))).toMatch(/cach_read.*cache_read/)
    const order = "the first step begins at 0 tokens, and each of the others above the one before it"
    expect(await refusal(with_model("[{ input: 1, output: 1 }, { input: 1, output: 1 }]"))).toContain(order)
    expect(await refusal(with_model("{ above_tokens: 5, input: 1, output: 1 }"))).toContain(order)
    expect(await refusal(with_model("[]"))).toContain("at least one step")
  })

  test("that is not there is refused with its place", async () => {
    expect(readPrices("/nowhere/p.yaml")).rejects.toThrow("the prices /nowhere/p.yaml: there is no such file")
  })
})
