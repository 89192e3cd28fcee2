import { describe, expect, test } from "bun:test"
import { judge, MAX_VALUE_CHARS } from "./judge.ts"
import type { Answer } from "./probes/answer.ts"

const answered = (value: Partial<Answer>, holds?: string) =>
  judge({ kind: "answer", value: { duration_ms: 1.2345, ...value } }, holds)

describe("a probe's result", () => {
  test("is violated when the node is silent, and unknown when the probe is blind", async () => {
    expect(await judge({ kind: "silent", reason: "connection refused" }, "status = 200")).toEqual({
      status: "violated",
      value: null,
      reason: "connection refused",
    })
    expect((await judge({ kind: "blind", reason: "no such host" }, undefined)).status).toBe("unknown")
  })

  test("without an expression is ok with any answer but a server's error", async () => {
    expect((await answered({ status: 404 })).status).toBe("ok")
    expect((await answered({})).status).toBe("ok")
    expect(await answered({ status: 503 })).toMatchObject({ status: "violated", reason: "answered 503" })
  })

  test("is what the expression says, with the value that it saw", async () => {
    const seen = await answered({ status: 200, headers: { date: "now" }, body: { n: 3 } }, "body.n < 5")
    expect(seen).toEqual({ status: "ok", value: { status: 200, body: { n: 3 }, duration_ms: 1.2 }, reason: null })
    expect(await answered({ body: { n: 7 } }, "body.n < 5")).toMatchObject({
      status: "violated",
      reason: "does not hold: body.n < 5",
    })
  })

  test("is unknown when the expression yields nothing, an error, or something that is not true or false", async () => {
    for (const holds of ["body.missing < 5", "body.text < 5", "0/0", "body.text", "body.none", "1"]) {
      const seen = await answered({ body: { text: "a", none: null } }, holds)
      expect([holds, seen.status]).toEqual([holds, "unknown"])
      expect(seen.reason).toContain(holds)
    }
  })

  test("keeps the beginning of a value that is too long for the log", async () => {
    const seen = await answered({ body: "x".repeat(1_000_000) })
    expect(JSON.stringify(seen.value).length).toBeLessThan(MAX_VALUE_CHARS * 1.1)
    expect(seen.status).toBe("ok")
  })
})

test("an answer that is nested too deeply to be looked at is unknown, and no exception", async () => {
  const body: unknown = JSON.parse("[".repeat(200_000) + "]".repeat(200_000))
  const answer = { kind: "answer" as const, value: { status: 200, headers: {}, body, duration_ms: 1 } }
  expect(await judge(answer, undefined)).toEqual({
    status: "unknown",
    value: null,
    reason: "the answer is nested too deeply",
  })
})
