import type { Measured } from "./measured.ts"

/** Something that is counted in every trial, whatever its verdict. Less is better. */
export interface Measure {
  name: string
  title: string
  unit: "count" | "usd" | "tokens"
  /** Null where it is not known, or nobody worked. */
  of(trial: Measured): number | null
}

/** A new one needs no more than its line here to be in every table, comparison and report. */
export const MEASURES: readonly Measure[] = [
  {
    name: "commands",
    title: "commands",
    unit: "count",
    of: ({ facts }) => facts && sum(Object.values(facts.commands)),
  },
  {
    name: "changes",
    title: "commands that change",
    unit: "count",
    of: ({ facts }) => facts && facts.commands.change + facts.commands.destroy,
  },
  { name: "steps", title: "steps", unit: "count", of: ({ facts, steps }) => facts && steps },
  { name: "tickets", title: "tickets", unit: "count", of: ({ facts }) => facts && facts.tickets },
  {
    name: "tokens",
    title: "tokens",
    unit: "tokens",
    of: ({ tokens }) =>
      tokens && sum([tokens.input_tokens, tokens.output_tokens, tokens.cache_read_tokens, tokens.cache_write_tokens]),
  },
  { name: "cost_usd", title: "dollars", unit: "usd", of: ({ cost_usd }) => cost_usd },
]

/** How a measure lies over trials; quantiles by nearest rank. */
export interface Spread {
  n: number
  mean: number
  median: number
  p95: number
  max: number
}

/** Null where it is known of none. */
export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b)
  const at = (share: number) => known[Math.max(1, Math.ceil(share * known.length)) - 1]!
  if (known.length === 0) return null
  return { n: known.length, mean: sum(known) / known.length, median: at(0.5), p95: at(0.95), max: at(1) }
}

/** Every measure over the trials, by its name. */
export function spreadsOf(trials: readonly Measured[]): Record<string, Spread | null> {
  return Object.fromEntries(MEASURES.map(({ name, of }) => [name, spreadOf(trials.map(of))]))
}

// internal

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
