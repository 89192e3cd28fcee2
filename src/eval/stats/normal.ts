/** The standard normal distribution holds 95 % between minus this and this. */
export const Z_95 = 1.959963984540054

/** χ² with one degree of freedom is below this with 95 %. */
export const CHI_SQUARED_95 = Z_95 ** 2

/** The standard normal distribution is below this with 80 %: the usual power of a plan. */
export const Z_POWER = 0.8416212335729143

/** What the standard normal distribution is below with the probability `p`: the root of its distribution function, by bisection. */
export function normalQuantile(p: number): number {
  let [low, high] = [-MAX_Z, MAX_Z]
  for (let step = 0; step < BISECTIONS; step++) {
    const middle = (low + high) / 2
    if (normalBelow(middle) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

// internal

/** Beyond it lies less than 1e-15. */
const MAX_Z = 8
const BISECTIONS = 60

/** The probability below `z`, by the series of Φ (Marsaglia, Journal of Statistical Software 11, 2004). */
function normalBelow(z: number): number {
  let [sum, term] = [z, z]
  for (let i = 3; Math.abs(term) > 1e-17; i += 2) {
    term *= (z * z) / i
    sum += term
  }
  return 0.5 + sum * Math.exp((-z * z) / 2) * INVERSE_ROOT_OF_2_PI
}

const INVERSE_ROOT_OF_2_PI = 0.3989422804014327
