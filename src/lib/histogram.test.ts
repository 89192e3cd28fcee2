import { describe, expect, test } from "bun:test"
import { count, decode, emptyHistogram, encode, type Histogram, merge, quantile, record } from "./histogram.ts"
import { seeded } from "./random.ts"

const QUANTILES = [0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]
/** What the layout promises: half a bucket of 1/32 of its lower bound. */
const RELATIVE_ERROR = 1 / 64

/** Latencies that are spread evenly over the orders of magnitude, from 0.05 ms to 60 s. */
function latencies(seed: number, n: number): number[] {
  const random = seeded(seed)
  return Array.from({ length: n }, () => 0.05 * (60_000 / 0.05) ** random())
}

function histogramOf(values: number[]): Histogram {
  const histogram = emptyHistogram()
  for (const value of values) record(histogram, value)
  return histogram
}

/** The nearest-rank quantile of the values themselves. */
function exact(values: number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(Math.round(q * sorted.length * 1e6) / 1e6) - 1)]!
}

describe("histogram", () => {
  test("a quantile is within 1/64 of the exact one, from 0.05 ms to 60 s", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const values = latencies(seed, 1 + seed * 7)
      const histogram = histogramOf(values)
      for (const q of QUANTILES) {
        const truth = exact(values, q)
        expect(Math.abs(quantile(histogram, q) - truth) / truth).toBeLessThanOrEqual(RELATIVE_ERROR + 1e-12)
      }
    }
  })

  test("powers of two and their neighbours are within the same error", () => {
    for (let octave = -4; octave < 16; octave++) {
      for (const value of [2 ** octave * (1 - 1e-15), 2 ** octave, 2 ** octave * (1 + 1e-15)]) {
        const found = quantile(histogramOf([value]), 1)
        expect(Math.abs(found - value) / value).toBeLessThanOrEqual(RELATIVE_ERROR + 1e-12)
      }
    }
  })

  test("merging two gives the histogram of all values, and leaves the two alone", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const values = latencies(seed, 300)
      const [left, right] = [histogramOf(values.slice(0, seed)), histogramOf(values.slice(seed))]
      expect(encode(merge(left, right))).toEqual(encode(histogramOf(values)))
      expect([count(left), count(right)]).toEqual([seed, 300 - seed])
    }
  })

  test("what was encoded is decoded again, in little space", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const histogram = histogramOf(latencies(seed, seed * 20))
      expect(decode(encode(histogram))).toEqual(histogram)
    }
    const second = histogramOf(Array.from({ length: 500 }, (_, i) => 1 + i / 100))
    expect(encode(second).length).toBeLessThan(250)
    const busy: Histogram = emptyHistogram()
    busy.counts[400] = 0xffff_ffff
    expect(decode(encode(busy))).toEqual(busy)
  })

  test("an empty one has no quantile and counts nothing", () => {
    expect(quantile(emptyHistogram(), 0.5)).toBeNaN()
    expect(count(decode(encode(emptyHistogram())))).toBe(0)
  })

  test("what is shorter or longer than the layout counts at its ends", () => {
    expect(quantile(histogramOf([0]), 1)).toBeLessThan(0.05)
    expect(quantile(histogramOf([3_600_000]), 1)).toBeGreaterThan(60_000)
    expect(quantile(histogramOf([1, Infinity, 2 ** 16]), 0.5)).toBeGreaterThan(60_000)
  })

  test("a value that is no latency is refused", () => {
    expect(() => record(emptyHistogram(), -1)).toThrow(RangeError)
    expect(() => record(emptyHistogram(), NaN)).toThrow(RangeError)
  })

  test("another version, a cut and a bucket that does not exist are refused", () => {
    expect(() => decode(Uint8Array.of(2, ...encode(histogramOf([1, 2])).slice(1)))).toThrow("version 2")
    expect(() => decode(new Uint8Array())).toThrow("version")
    expect(() => decode(Uint8Array.of(1, 5, 0x81))).toThrow("cut off")
    expect(() => decode(Uint8Array.of(1, 5))).toThrow("cut off")
    expect(() => decode(Uint8Array.of(1, 0xff, 0x7f, 1))).toThrow("bucket")
  })
})
