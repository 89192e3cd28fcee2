/** The chance of exactly `k` successes among `n` when each has the chance `p`. */
export function binomial(k: number, n: number, p: number): number {
  if (k < 0 || k > n) return 0
  if (p <= 0) return k === 0 ? 1 : 0
  if (p >= 1) return k === n ? 1 : 0
  return Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p))
}

/** The chance of at least `k` successes. Terms that no longer count are left out. */
export function binomialFrom(k: number, n: number, p: number): number {
  let sum = 0
  for (let i = Math.max(0, k); i <= n; i++) {
    const term = binomial(i, n, p)
    sum += term
    if (i > n * p && term < NEGLIGIBLE) break
  }
  return Math.min(1, sum)
}

// internal

const NEGLIGIBLE = 1e-17

const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k)

const LOG_FACTORIALS = [0, 0]

function logFactorial(n: number): number {
  for (let i = LOG_FACTORIALS.length; i <= n; i++) LOG_FACTORIALS.push(LOG_FACTORIALS[i - 1]! + Math.log(i))
  return LOG_FACTORIALS[n]!
}
