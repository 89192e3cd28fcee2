import { paint } from "../src/lib/output.ts"
import { type Column, renderTable } from "../src/lib/table.ts"
import type { Home } from "./home.ts"

/** One file of this folder: measures one thing, and leaves nothing behind outside of `home`. */
export interface Benchmark {
  name: string
  /** Left out, visibly, where this machine has no engine. */
  needs?: "docker"
  /** `quick` makes fewer runs of the same. */
  run(home: Home, options: { quick: boolean }): Promise<Measured[]>
}

/** What was measured, run by run. Less is better. */
export interface Measured {
  name: string
  unit: "ms" | "µs" | "%" | "MB"
  samples: readonly number[]
  target?: Target
  /** For people: what was taken off, or what else came out. */
  note?: string
}

export interface Target {
  of: "median" | "max"
  at_most: number
}

/** The row of a measurement, in `unit`; quantiles by nearest rank. */
export interface Figure {
  name: string
  n: number
  median: number
  p95: number
  /** Null below a hundred runs, where it would be the maximum again. */
  p99: number | null
  max: number
  unit: string
  /** Null where a figure is for information alone. */
  target: Target | null
  met: boolean | null
  note: string
}

export function toFigure({ name, unit, samples, target, note }: Measured): Figure {
  const figures = {
    median: rounded(median(samples)),
    p95: rounded(quantile(samples, 0.95)),
    p99: samples.length < P99_FROM_RUNS ? null : rounded(quantile(samples, 0.99)),
    max: rounded(quantile(samples, 1)),
  }
  const met = target === undefined ? null : figures[target.of] <= target.at_most
  return { name, n: samples.length, ...figures, unit, target: target ?? null, met, note: note ?? "" }
}

/** The sample in the middle, or the mean of the two that are. */
export function median(samples: readonly number[]): number {
  const sorted = ascending(samples)
  const upper = sorted.length >> 1
  const lower = sorted.length % 2 === 0 ? upper - 1 : upper
  return (sorted[lower]! + sorted[upper]!) / 2
}

/** A table for `stream`, a line a figure. */
export function renderFigures(figures: readonly Figure[], stream: NodeJS.WriteStream): string {
  return renderTable(figures, COLUMNS, { width: Infinity, colours: paint(stream) })
}

// internal

const P99_FROM_RUNS = 100

const COLUMNS: Column<Figure>[] = [
  { title: "BENCHMARK", value: ({ name }) => name },
  { title: "N", value: ({ n }) => n, align: "right" },
  { title: "MEDIAN", value: (figure) => shown(figure.median), align: "right" },
  { title: "P95", value: (figure) => shown(figure.p95), align: "right" },
  { title: "P99", value: (figure) => shown(figure.p99), align: "right" },
  { title: "MAX", value: (figure) => shown(figure.max), align: "right" },
  { title: "UNIT", value: ({ unit }) => unit },
  { title: "TARGET", value: ({ target }) => (target ? `${target.of} ≤ ${target.at_most}` : "") },
  {
    title: "MET",
    value: ({ met }) => (met === null ? "" : met ? "yes" : "no"),
    paint: ({ met }, { green, red }) => (met ? green : red),
  },
  { title: "NOTE", value: ({ note }) => note },
]

function quantile(samples: readonly number[], share: number): number {
  return ascending(samples)[Math.max(1, Math.ceil(share * samples.length)) - 1]!
}

function ascending(samples: readonly number[]): number[] {
  if (samples.length === 0) throw new Error("nothing was measured")
  return samples.toSorted((a, b) => a - b)
}

/** Three digits behind the point: a clock's noise is greater than what this takes off. */
function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

function shown(value: number | null): string {
  if (value === null) return ""
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0)
}
