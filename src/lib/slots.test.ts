import { expect, test } from "bun:test"
import { slots } from "./slots.ts"

test("slots() runs at most so many at once, in order, and gives a slot back after a failure", async () => {
  const inSlot = slots(2)
  const begun: number[] = []
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>())
  const results = gates.map((gate, n) =>
    inSlot(async () => {
      begun.push(n)
      await gate.promise
      return n
    }),
  )
  const failure = results[0]!.catch((error: Error) => error.message)
  expect(begun).toEqual([0, 1])
  gates[0]!.reject(new Error("broken"))
  expect(await failure).toBe("broken")
  expect(begun).toEqual([0, 1, 2])
  for (const gate of gates) gate.resolve()
  expect(await Promise.all(results.slice(1))).toEqual([1, 2, 3])
})
