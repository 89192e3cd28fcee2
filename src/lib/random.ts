/** Numbers in [0, 1) that follow from the seed alone (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** `count` of the items, drawn without putting back, in the items' own order. */
export function draw<T>(items: readonly T[], count: number, seed: number): T[] {
  const random = seeded(seed)
  const keyed = items.map((item, place) => ({ item, place, key: random() }))
  const chosen = keyed.sort((a, b) => a.key - b.key).slice(0, count)
  return chosen.sort((a, b) => a.place - b.place).map(({ item }) => item)
}
