import { expect, test } from "bun:test"
import { UsageError } from "./errors.ts"
import { matchPrefix } from "./prefix.ts"

const LABS = ["etcd-7f3a", "etcd-7f3a9", "etcd-9c01", "ratelimiter-0b2e"]

/** The error with which matchPrefix refuses a word. */
function refusal(word: string, candidates = LABS): UsageError {
  try {
    throw new Error(`matched ${matchPrefix(word, candidates, "lab", "operator labs lists them")}`)
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
}

test("the exact name wins over a longer one that begins with it", () => {
  expect(matchPrefix("etcd-7f3a", LABS, "lab")).toBe("etcd-7f3a")
})

test("a prefix of one candidate is enough", () => {
  expect(matchPrefix("rat", LABS, "lab")).toBe("ratelimiter-0b2e")
})

test("a candidate given twice is one candidate", () => {
  expect(matchPrefix("rat", new Set([...LABS, ...LABS]), "lab")).toBe("ratelimiter-0b2e")
})

test("a word that matches nothing is refused with the nearest name and the hint", () => {
  const error = refusal("etcd-9c02")
  expect(error.message).toBe('no lab "etcd-9c02" (did you mean "etcd-9c01"?)')
  expect(error.hint).toBe("operator labs lists them")
  expect(refusal("zzzzzz").message).toBe('no lab "zzzzzz"')
})

test("the empty word matches nothing, though everything begins with it", () => {
  expect(refusal("", ["only"]).message).toStartWith('no lab ""')
})

test("an ambiguous prefix is refused with what it matches", () => {
  expect(refusal("etcd").message).toBe('"etcd" may be any of 3 labs: etcd-7f3a, etcd-7f3a9, etcd-9c01')
})

test("the list of matches is bounded", () => {
  const many = Array.from({ length: 100 }, (_, i) => `etcd-${String(i).padStart(4, "0")}`)
  expect(refusal("etcd", many).message).toEndWith("etcd-0000, etcd-0001, etcd-0002, etcd-0003, etcd-0004 and 95 more")
})
