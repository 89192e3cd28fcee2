/**
 * The chance that at least one of `k` trials succeeds, from `successes` among `n`: pass@k, unbiased (Chen et al., Evaluating Large
 * Language Models Trained on Code, 2021). Null with fewer than k trials.
 */
export function passAt(k: number, successes: number, n: number): number | null {
  return k > n ? null : 1 - noneOf(k, successes, n)
}

/**
 * The chance that all of `k` trials succeed: pass^k, unbiased (Yao et al., τ-bench, 2024). The power of the rate would be too high.
 * Null with fewer than k trials.
 */
export function passAll(k: number, successes: number, n: number): number | null {
  return k > n ? null : noneOf(k, n - successes, n)
}

// internal

/** The chance that k of n, drawn without putting back, hold none of the `marked`. */
function noneOf(k: number, marked: number, n: number): number {
  let chance = 1
  for (let drawn = 0; drawn < k; drawn++) chance *= Math.max(0, n - marked - drawn) / (n - drawn)
  return chance
}
