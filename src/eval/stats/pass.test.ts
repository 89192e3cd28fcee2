import { expect, test } from "bun:test"
import { passAll, passAt } from "./pass.ts"

test("pass@k and pass^k are the shares among all ways to choose k of the trials", () => {
  for (let n = 1; n <= 8; n++) {
    for (let successes = 0; successes <= n; successes++) {
      for (let k = 1; k <= n; k++) {
        const chosen = choices(n, k).map((places) => places.filter((place) => place < successes).length)
        const share = (good: (count: number) => boolean) => chosen.filter(good).length / chosen.length
        expect(passAt(k, successes, n)).toBeCloseTo(
          share((count) => count > 0),
          12,
        )
        expect(passAll(k, successes, n)).toBeCloseTo(
          share((count) => count === k),
          12,
        )
      }
    }
  }
})

test("of one trial both are the rate, and of more than there are they are unknown", () => {
  expect([passAt(1, 7, 10), passAll(1, 7, 10)]).toEqual([expect.closeTo(0.7, 12), expect.closeTo(0.7, 12)])
  expect([passAt(4, 3, 3), passAll(4, 3, 3)]).toEqual([null, null])
})

test("pass^k is not the power of the rate", () => {
  // 1 - C(3,5)/C(10,5) and C(7,5)/C(10,5); the powers would be 0.998 and 0.168.
  expect(passAt(5, 7, 10)).toBe(1)
  expect(passAll(5, 7, 10)).toBeCloseTo(21 / 252, 12)
})

function choices(n: number, k: number): number[][] {
  const all = Array.from({ length: 2 ** n }, (_, bits) => [...Array(n).keys()].filter((place) => bits & (1 << place)))
  return all.filter(({ length }) => length === k)
}
