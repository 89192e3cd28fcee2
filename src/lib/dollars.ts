/** "$1.23"; of less than a cent the first two digits that say something: "$0.0042". Null is "unknown". */
export function showDollars(usd: number | null): string {
  if (usd === null) return "unknown"
  const rounded = Number(usd.toPrecision(2))
  if (rounded === 0 || rounded >= 0.01) return `$${usd.toFixed(2)}`
  return `$${rounded.toFixed(Math.min(MAX_DECIMALS, 1 + Math.ceil(-Math.log10(rounded))))}`
}

// internal

/** More than any price has. */
const MAX_DECIMALS = 12
