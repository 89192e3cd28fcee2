/**
 * How often each latency occurred, in buckets whose bounds never change, so that any two histograms can be merged.
 *
 * Layout of version 1: one bucket for all below 2⁻⁵ ms (0.031 ms), then the octaves from there to 2¹⁶ ms (65.5 s), each
 * cut into 32 buckets of equal width. A bucket is at most 1/32 of its lower bound wide and is read at its middle, so a
 * quantile is off by at most 1.6 %. What is longer than the last octave counts in the last bucket.
 */
export interface Histogram {
  readonly counts: Uint32Array
}

export function emptyHistogram(): Histogram {
  return { counts: new Uint32Array(BUCKETS) }
}

/** Counts one value in place. A value that is negative or no number is a fault of the caller's. */
export function record(histogram: Histogram, value_ms: number): void {
  histogram.counts[bucketOf(value_ms)]! += 1
}

/** A new histogram of all that the two have counted. */
export function merge(a: Histogram, b: Histogram): Histogram {
  return { counts: a.counts.map((n, bucket) => n + b.counts[bucket]!) }
}

export function count(histogram: Histogram): number {
  return histogram.counts.reduce((sum, n) => sum + n, 0)
}

/** The value in ms that a share `q` of the values does not exceed (nearest rank). NaN while nothing is counted. */
export function quantile(histogram: Histogram, q: number): number {
  const total = count(histogram)
  if (total === 0) return NaN
  const rank = Math.min(total, Math.max(1, Math.ceil(q * total - ROUNDING)))
  let [bucket, seen] = [0, histogram.counts[0]!]
  while (seen < rank) seen += histogram.counts[++bucket]!
  return middleOf(bucket)
}

/** The version, then for each bucket in use its distance from the one before and its count, as LEB128 numbers. */
export function encode(histogram: Histogram): Uint8Array {
  const bytes = [VERSION]
  let last = 0
  for (const [bucket, n] of histogram.counts.entries()) {
    if (n === 0) continue
    pushNumber(bytes, bucket - last)
    pushNumber(bytes, n)
    last = bucket
  }
  return Uint8Array.from(bytes)
}

/** The histogram again. Throws on what `encode` cannot have written. */
export function decode(blob: Uint8Array): Histogram {
  if (blob[0] !== VERSION) throw new Error(`a histogram of version ${blob[0]}; this operator reads ${VERSION}`)
  const histogram = emptyHistogram()
  const numbers = numbersIn(blob.subarray(1))
  if (numbers.length % 2 !== 0) throw new Error("a histogram is cut off")
  for (let i = 0, bucket = 0; i < numbers.length; i += 2) {
    bucket += numbers[i]!
    if (bucket >= BUCKETS) throw new Error(`a histogram names bucket ${bucket} of ${BUCKETS}`)
    histogram.counts[bucket] = numbers[i + 1]!
  }
  return histogram
}

// internal

const VERSION = 1
const FIRST_OCTAVE = -5
const OCTAVES = 21
const PER_OCTAVE = 32
const BUCKETS = 1 + OCTAVES * PER_OCTAVE

/** 0.07 × 100 is a little more than 7 in binary fractions, and must not become rank 8. */
const ROUNDING = 1e-9

function bucketOf(value_ms: number): number {
  if (!(value_ms >= 0)) throw new RangeError(`${value_ms} ms is no latency`)
  if (value_ms < 2 ** FIRST_OCTAVE) return 0
  if (value_ms >= 2 ** (FIRST_OCTAVE + OCTAVES)) return BUCKETS - 1
  const octave = Math.floor(Math.log2(value_ms))
  const within = Math.floor((value_ms / 2 ** octave - 1) * PER_OCTAVE)
  return 1 + (octave - FIRST_OCTAVE) * PER_OCTAVE + within
}

function middleOf(bucket: number): number {
  if (bucket === 0) return 2 ** FIRST_OCTAVE / 2
  const [octave, within] = [Math.floor((bucket - 1) / PER_OCTAVE), (bucket - 1) % PER_OCTAVE]
  return 2 ** (FIRST_OCTAVE + octave) * (1 + (within + 0.5) / PER_OCTAVE)
}

function pushNumber(bytes: number[], n: number): void {
  let rest = n
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
}

function numbersIn(bytes: Uint8Array): number[] {
  const numbers: number[] = []
  let [value, scale] = [0, 1]
  for (const byte of bytes) {
    value += (byte & 127) * scale
    scale *= 128
    if (byte < 128) {
      numbers.push(value)
      value = 0
      scale = 1
    }
  }
  if (scale !== 1) throw new Error("a histogram is cut off")
  return numbers
}
