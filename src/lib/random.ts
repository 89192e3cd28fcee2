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

/** The items in an order that follows from the seed alone. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = seeded(seed)
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}

/** `count` of the items, drawn without putting back, in the items' own order. */
export function draw<T>(items: readonly T[], count: number, seed: number): T[] {
  const places = shuffled([...items.keys()], seed).slice(0, count)
  return items.filter((_, place) => places.includes(place))
}
