import { describe, expect, test } from "bun:test"
import { draw, seeded, shuffled } from "./random.ts"

const SEEDS = Array.from({ length: 600 }, (_, index) => index)
const ITEMS = ["a", "b", "c", "d", "e"]

describe("seeded numbers", () => {
  test("are the same for the same seed, different for the next one, and within [0, 1)", () => {
    const first = (seed: number) => Array.from({ length: 20 }, seeded(seed))
    expect(first(7)).toEqual(first(7))
    expect(first(7)).not.toEqual(first(8))
    for (const number of SEEDS.flatMap(first)) expect(number).toBeWithin(0, 1)
    expect(new Set(first(7)).size).toBe(20)
  })

  test("take any integer as a seed", () => {
    for (const seed of [-1, 0, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) expect(seeded(seed)()).toBeWithin(0, 1)
  })
})

describe("a draw", () => {
  test("is decided by the seed", () => {
    for (const seed of SEEDS) expect(draw(ITEMS, 2, seed)).toEqual(draw(ITEMS, 2, seed))
    expect(new Set(SEEDS.map((seed) => draw(ITEMS, 2, seed).join(""))).size).toBe(10)
  })

  test("holds no item twice, and keeps the items' order", () => {
    for (const seed of SEEDS) {
      for (const count of [1, 2, 3, 4, 5]) {
        const drawn = draw(ITEMS, count, seed)
        expect(drawn).toHaveLength(count)
        expect(drawn).toEqual(ITEMS.filter((item) => drawn.includes(item)))
      }
    }
  })

  test("takes each item about as often, also over seeds that follow one another", () => {
    const counts = Object.fromEntries(ITEMS.map((item) => [item, 0]))
    for (const seed of SEEDS) for (const item of draw(ITEMS, 1, seed)) counts[item]! += 1
    // 120 are expected of each, with a standard deviation of 10.
    for (const item of ITEMS) expect(counts[item]).toBeWithin(80, 160)
  })

  test("of nothing, or from nothing, is nothing; of more than there is, everything", () => {
    expect(draw(ITEMS, 0, 1)).toEqual([])
    expect(draw([], 3, 1)).toEqual([])
    expect(draw(ITEMS, 9, 1)).toEqual(ITEMS)
  })

  test("leaves the items as they were", () => {
    const items = Object.freeze([...ITEMS])
    draw(items, 3, 1)
    expect(shuffled(items, 4).toSorted()).toEqual(ITEMS)
    expect(shuffled(items, 4)).toEqual(shuffled(items, 4))
  })
})
