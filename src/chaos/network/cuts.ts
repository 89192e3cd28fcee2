/** Two nodes that are not to reach each other. */
export type Cut = [string, string]

/**
 * Who is cut off from whom. `split`: those that are chosen from all others. `bridge`: the others fall into two halves that do not see
 * each other, and those that are chosen see both.
 */
export function cutsOf(topology: "split" | "bridge", chosen: readonly string[], all: readonly string[]): Cut[] {
  const others = all.filter((name) => !chosen.includes(name))
  if (topology === "split") return pairs(chosen, others)
  const half = Math.ceil(others.length / 2)
  return pairs(others.slice(0, half), others.slice(half))
}

/** A pair that no cut touches, for comparison. */
export function uncut(cuts: readonly Cut[], all: readonly string[]): Cut | undefined {
  const isCut = (a: string, b: string) => cuts.some((cut) => cut.includes(a) && cut.includes(b))
  return pairs(all, all).find(([a, b]) => a !== b && !isCut(a, b))
}

// internal

function pairs(some: readonly string[], others: readonly string[]): Cut[] {
  return some.flatMap((one) => others.map((other): Cut => [one, other]))
}
