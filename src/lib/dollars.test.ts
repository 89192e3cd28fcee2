import { expect, test } from "bun:test"
import { showDollars } from "./dollars.ts"

test.each<[number | null, string]>([
  [0, "$0.00"],
  [1.234, "$1.23"],
  [50, "$50.00"],
  [0.01, "$0.01"],
  [0.00999, "$0.01"],
  [0.0042, "$0.0042"],
  [0.001, "$0.0010"],
  [0.000_123, "$0.00012"],
  [null, "unknown"],
])("%p dollars are shown as %s", (usd, shown) => {
  expect(showDollars(usd)).toBe(shown)
})
