import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { z } from "zod"
import { codeOf, UsageError } from "../lib/errors.ts"
import { parseYaml } from "../lib/yaml.ts"
import { undated } from "./model/known.ts"
import builtIn from "./prices.yaml" with { type: "text" }

/** A dated table of what models cost. */
export interface Prices {
  /** The day on which they held, "2026-11-20". */
  as_of: string
  /** Of one search that the API did for the model; null: not known. */
  web_search_usd: number | null
  /** By the size of the prompt, smallest first. Undefined: not known. A dated model has the price of its model. */
  of(model: string): readonly PriceStep[] | undefined
  /** As it was read: kept with what it was used for. */
  text: string
  file: string
}

/** Dollars per million tokens, in a request of which the prompt is larger than `above_tokens`. */
export interface PriceStep {
  above_tokens: number
  input: number
  output: number
  cache_write_5m: number
  cache_write_1h: number
  cache_read: number
}

/** What a request used, as the Messages API says it. What is missing or null is nothing. */
export interface Usage {
  input_tokens?: number | null
  output_tokens?: number | null
  cache_read_input_tokens?: number | null
  cache_creation_input_tokens?: number | null
  cache_creation?: { ephemeral_5m_input_tokens?: number | null; ephemeral_1h_input_tokens?: number | null } | null
  server_tool_use?: { web_search_requests?: number | null; web_fetch_requests?: number | null } | null
  speed?: string | null
  service_tier?: string | null
  inference_geo?: string | null
}

/** The table that this operator was built with. */
export function builtInPrices(): Promise<Prices> {
  return parsePrices(builtIn as string, "prices.yaml (built in)")
}

/** The table in a file; one that cannot be read, or does not fit, is a UsageError with the place. */
export async function readPrices(file: string): Promise<Prices> {
  return parsePrices(textOf(file), file)
}

export async function parsePrices(text: string, file: string): Promise<Prices> {
  const { as_of, web_search_usd, models } = await parseYaml(text, file, pricesFile)
  const known = new Map(Object.entries(models))
  const of = (model: string) => known.get(model) ?? known.get(undated(model))
  return { as_of, web_search_usd: web_search_usd ?? null, of, text, file }
}

/** What one request cost. Null: not known, since the model, a search or the way in which it was billed has no price in the table. */
export function costOf(prices: Prices, model: string, usage: Usage): number | null {
  const steps = prices.of(model)
  if (!steps || !isListPrice(usage)) return null
  // Every answer used something: one without numbers came from somebody who does not count.
  if (typeof usage.input_tokens !== "number" && typeof usage.output_tokens !== "number") return null
  const searches = count(usage.server_tool_use?.web_search_requests)
  if (searches > 0 && prices.web_search_usd === null) return null

  const read = count(usage.cache_read_input_tokens)
  const { written_5m, written_1h } = writtenTo(usage)
  const input = count(usage.input_tokens)
  const { cache_read, cache_write_5m, cache_write_1h, ...price } = stepAt(steps, input + read + written_5m + written_1h)
  const millionths =
    input * price.input +
    read * cache_read +
    written_5m * cache_write_5m +
    written_1h * cache_write_1h +
    count(usage.output_tokens) * price.output
  return millionths / MILLION + searches * (prices.web_search_usd ?? 0)
}

/** What the API does itself in one request, at most. */
export interface ServerWork {
  searches: number
  /** How often the prompt is read again, with what came of a search or a page. */
  rounds: number
  /** By how much the prompt grows in all. */
  tokens: number
}

/**
 * The most that one request may cost, when its prompt has at most `prompt_tokens`: all of it is written to the cache, again in each
 * round of the API's own work, and all of `max_tokens` is used, at the dearest step that it may reach. Null: not known.
 */
export function worstCostOf(
  prices: Prices,
  model: string,
  { prompt_tokens: own, max_tokens, server }: { prompt_tokens: number; max_tokens: number; server?: ServerWork },
): number | null {
  const steps = prices.of(model)
  const { searches, rounds, tokens } = server ?? { searches: 0, rounds: 0, tokens: 0 }
  if (!steps || (searches > 0 && prices.web_search_usd === null)) return null
  const prompt_tokens = (own + tokens) * (1 + rounds)
  const reached = steps.filter(({ above_tokens }) => above_tokens === 0 || above_tokens < prompt_tokens)
  const costs = reached.map(({ input, output, cache_write_5m, cache_write_1h, cache_read }) => {
    const dearest = Math.max(input, cache_write_5m, cache_write_1h, cache_read)
    return (prompt_tokens * dearest + max_tokens * output) / MILLION
  })
  return Math.max(...costs) + searches * (prices.web_search_usd ?? 0)
}

// internal

const MILLION = 1_000_000

const dollars = z.number().nonnegative()

const step = z
  .strictObject({
    above_tokens: z.number().int().nonnegative().default(0),
    input: dollars,
    output: dollars,
    cache_write_5m: dollars.optional(),
    cache_write_1h: dollars.optional(),
    cache_read: dollars.optional(),
  })
  .transform(({ input, ...given }): PriceStep => ({
    input,
    ...given,
    cache_write_5m: given.cache_write_5m ?? input * 1.25,
    cache_write_1h: given.cache_write_1h ?? input * 2,
    cache_read: given.cache_read ?? input * 0.1,
  }))

const steps = z
  .union([step.transform((one) => [one]), z.array(step).min(1, "at least one step")])
  .refine(
    (steps) =>
      steps.every(({ above_tokens }, i) => (i === 0 ? above_tokens === 0 : above_tokens > steps[i - 1]!.above_tokens)),
    "the first step begins at 0 tokens, and each of the others above the one before it",
  )

const pricesFile = z.strictObject({
  as_of: z.iso.date("a day, as in 2026-11-20"),
  web_search_usd: dollars.optional(),
  models: z.record(z.string(), steps),
})

/** Fast answers, batches and a chosen region have prices of their own, which the table does not hold. */
function isListPrice({ speed, service_tier, inference_geo }: Usage): boolean {
  return speed !== "fast" && service_tier !== "batch" && (inference_geo ?? "global") !== "us"
}

function stepAt(steps: readonly PriceStep[], prompt_tokens: number): PriceStep {
  return steps.findLast(({ above_tokens }) => above_tokens < prompt_tokens) ?? steps[0]!
}

/** What was written to the cache, by how long it is kept. Where that is not said, it is the five minutes that are usual. */
function writtenTo(usage: Usage): { written_5m: number; written_1h: number } {
  const said_5m = count(usage.cache_creation?.ephemeral_5m_input_tokens)
  const written_1h = count(usage.cache_creation?.ephemeral_1h_input_tokens)
  const all = Math.max(count(usage.cache_creation_input_tokens), said_5m + written_1h)
  return { written_5m: all - written_1h, written_1h }
}

function count(tokens: number | null | undefined): number {
  return typeof tokens === "number" && tokens > 0 ? tokens : 0
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (cause) {
    const reason = codeOf(cause) === "ENOENT" ? "there is no such file" : `it cannot be read (${codeOf(cause)})`
    throw new UsageError(`the prices ${resolve(file)}: ${reason}`, { cause })
  }
}
