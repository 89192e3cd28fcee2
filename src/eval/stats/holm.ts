/**
 * Holm's adjustment: the p-values, in their order, such that the chance of a single false alarm among all of them stays what it
 * is for one (Holm, Scandinavian Journal of Statistics 6, 1979).
 */
export function holm(p_values: readonly number[]): number[] {
  const order = [...p_values.keys()].sort((a, b) => p_values[a]! - p_values[b]!)
  const adjusted = [...p_values]
  let least = 0
  for (const [rank, place] of order.entries()) {
    least = Math.max(least, Math.min(1, p_values[place]! * (p_values.length - rank)))
    adjusted[place] = least
  }
  return adjusted
}
