import { APIConnectionError, APIError, AnthropicError } from "@anthropic-ai/sdk"
import { describe, expect, test } from "bun:test"
import { failureOf, LONGEST_PAUSE_MS, MAX_ATTEMPTS, NoTurn, pauseAfter } from "./failure.ts"

/** As the SDK makes them from an HTTP answer. */
function http(status: number, body: object | string = {}, headers: Record<string, string> = {}): Error {
  const [json, text] = typeof body === "string" ? [undefined, body] : [body, undefined]
  return APIError.generate(status, json, text, new Headers(headers))
}

/** As the SDK makes them from an `error` event in a stream. */
function inStream(type: string, message = "words"): Error {
  return new APIError(undefined, { error: { type, message } }, undefined, new Headers(), type as never)
}

const api = (type: string, message: string) => ({ type: "error", error: { type, message } })
const never = () => 0
const pause = (attempt: number, error: unknown, random = never) => pauseAfter(attempt, failureOf(error), random)

describe("an error", () => {
  test.each([
    [400, false, false],
    [401, false, true],
    [402, false, true],
    [403, false, true],
    [404, false, true],
    [408, true, true],
    [409, true, true],
    [413, false, false],
    [422, false, false],
    [429, true, true],
    [500, true, true],
    [502, true, true],
    [529, true, true],
  ])("of HTTP %i may pass: %p, and is the model's or the way's: %p", (status, passing, unreachable) => {
    const failure = failureOf(http(status))
    expect(failure).toMatchObject({ status, passing, billed: false })
    expect(new NoTurn(failure, 1).unreachable).toBe(unreachable)
  })

  test.each([
    ["overloaded_error", true, true],
    ["api_error", true, true],
    ["rate_limit_error", true, true],
    ["timeout_error", true, true],
    ["an_error_of_tomorrow", true, true],
    ["invalid_request_error", false, false],
    ["request_too_large", false, false],
    ["authentication_error", false, true],
    ["permission_error", false, true],
    ["billing_error", false, true],
    ["not_found_error", false, true],
  ])("event %s in a stream may pass: %p, and is the model's or the way's: %p", (type, passing, unreachable) => {
    const failure = failureOf(inStream(type))
    expect(failure).toMatchObject({ status: null, passing, reason: `${type}: words` })
    // What does not pass was refused before anything was said.
    expect(failure.billed).toBe(passing)
    expect(new NoTurn(failure, 1).unreachable).toBe(unreachable)
  })

  test.each([
    ["a connection that broke", new APIConnectionError({ cause: new Error("ECONNRESET") }), "ECONNRESET"],
    ["a stream that broke", new AnthropicError("stream ended"), "stream ended"],
    ["an event that nobody can read", inStream(undefined as never, "x"), "x"],
    ["anything that is thrown", "words", "words"],
  ])("may be %s, which passes and has no status", (_, error, reason) => {
    expect(failureOf(error)).toEqual({
      status: null,
      passing: true,
      our_fault: false,
      asked_pause_ms: null,
      billed: true,
      reason,
    })
  })

  test.each(["ECONNREFUSED", "ConnectionRefused", "ENOTFOUND", "FailedToOpenSocket", "DNSResolveFailed"])(
    "of a connection that never came to be (%s) passes, and is not billed",
    (code) => {
      const cause = Object.assign(new Error("no connection"), { code })
      expect(failureOf(new APIConnectionError({ cause }))).toMatchObject({ status: null, passing: true, billed: false })
    },
  )

  test("is worth another attempt when x-should-retry says so, whatever its status", () => {
    expect(failureOf(http(400, {}, { "x-should-retry": "true" })).passing).toBe(true)
    expect(failureOf(http(529, {}, { "x-should-retry": "false" })).passing).toBe(false)
    expect(failureOf(http(529, {}, { "x-should-retry": "perhaps" })).passing).toBe(true)
  })

  test("is told in one line of a bounded length, a page by its title", () => {
    const reason = (status: number, body: object | string) => failureOf(http(status, body)).reason
    expect(reason(529, api("overloaded_error", "Over\n loaded"))).toBe("529 overloaded_error: Over loaded")
    expect(reason(502, "<html><title>\n 502 Bad\n Gateway </title><p>x</p></html>")).toBe("502 Bad Gateway")
    expect(reason(503, "<h1>Maintenance</h1><p>Back soon")).toBe("503 Maintenance Back soon")
    expect(reason(504, "")).toBe("504 status code (no body)")
    expect(reason(500, api("api_error", "x".repeat(10_000)))).toHaveLength(301)
  })

  test("of any size is read at once", () => {
    const started_ms = performance.now()
    for (const body of [`<title>${" ".repeat(1_000_000)}`, "<".repeat(1_000_000), "< ".repeat(500_000)])
      failureOf(http(502, body))
    expect(performance.now() - started_ms).toBeLessThan(20_000)
  })
})

describe("a pause", () => {
  test("grows from attempt to attempt up to its bound, and there is none after the last one", () => {
    const pauses = Array.from({ length: MAX_ATTEMPTS + 1 }, (_, index) => pause(index + 1, http(529)))
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, null, null])
  })

  test("is spread downwards, so that those who were refused together don't come back together", () => {
    expect(pause(3, http(529), () => 0.999)).toBe(1_501)
    expect(pause(3, http(529), () => 0.5)).toBe(1_750)
  })

  test("is not made after what does not pass", () => {
    expect(pause(1, http(400))).toBeNull()
    expect(pause(1, inStream("invalid_request_error"))).toBeNull()
  })

  test.each([
    ["retry-after", "3", 3_000],
    ["retry-after", "0.25", 250],
    ["retry-after-ms", "1", 1],
    ["retry-after", "120", LONGEST_PAUSE_MS],
    ["retry-after", "0", 500],
    ["retry-after-ms", "0", 500],
    ["retry-after", "-7", 500],
    ["retry-after", "soon", 500],
    ["retry-after", "", 500],
    ["retry-after", new Date(0).toUTCString(), 500],
    ["retry-after", "121", null],
    ["retry-after-ms", "1e12", null],
    ["retry-after", "9".repeat(40), null],
  ])("for %s: %s is %p ms", (header, value, expected) => {
    expect(pause(1, http(429, {}, { [header]: value }))).toBe(expected)
  })

  test("may be asked for by a date", () => {
    const asked = pause(1, http(429, {}, { "retry-after": new Date(Date.now() + 60_000).toUTCString() }))!
    expect(asked).toBeGreaterThan(58_000)
    expect(asked).toBeLessThanOrEqual(60_000)
  })

  test("of milliseconds is more exact than one of seconds", () => {
    expect(pause(1, http(429, {}, { "retry-after-ms": "20", "retry-after": "1" }))).toBe(20)
  })
})

describe("a turn that could not be had", () => {
  test("says after how many attempts", () => {
    expect(new NoTurn(failureOf(http(529, api("overloaded_error", "Overloaded"))), 8).message).toBe(
      "529 overloaded_error: Overloaded (8 attempts)",
    )
    expect(new NoTurn(failureOf(http(400, api("invalid_request_error", "no"))), 1).message).toBe(
      "400 invalid_request_error: no",
    )
  })

  test("says for how long it was to be waited, when that was too long", () => {
    const failure = failureOf(http(429, api("rate_limit_error", "Slow down"), { "retry-after": "3600" }))
    expect(new NoTurn(failure, 2).message).toBe(
      "429 rate_limit_error: Slow down (2 attempts, to be asked again in 1 h 00 m)",
    )
  })
})
