import { describe, expect, test } from "bun:test"
import { fakePrometheus, type FakePrometheus, type Sample, vector } from "../../../test/support/prometheus.ts"
import { rawServer } from "../../../test/support/raw-server.ts"
import type { Subject } from "../../lab/subject.ts"
import { alertProbe, STALE_AFTER_MS, UNLABELLED } from "./alert.ts"
import { labelOfSeries } from "./alert-label.ts"

const SLOW = "rate(slow_total[1m]) > 0.5"

const LAB = { subject: { services: ["a", "b"] } as unknown as Subject, resolve: (url: string) => url }

async function look(prometheus: string, about?: string, options: { timeout_ms?: number; signal?: AbortSignal } = {}) {
  const signal = new AbortController().signal
  return alertProbe(LAB, { prometheus, expression: SLOW, about }, { timeout_ms: 2_000, signal, ...options })
}

/** A Prometheus that scrapes the metric of the expression. */
function scraping(samples: Sample[] = []): FakePrometheus {
  const fake = fakePrometheus()
  fake.metrics.set("slow_total", 1)
  fake.series.set(SLOW, samples)
  return fake
}

describe("an alert", () => {
  test("is ok when it returns no series and its metrics are there", async () => {
    await using prometheus = scraping()
    const { whole, parts } = await look(`${prometheus.url}/`)
    expect(whole.status).toBe("ok")
    expect(parts?.size).toBe(0)
  })

  test("is unknown when it returns no series because a metric is not there", async () => {
    await using prometheus = scraping()
    prometheus.metrics.clear()
    expect(await look(prometheus.url)).toEqual({
      whole: { status: "unknown", value: null, reason: "Prometheus has no series of slow_total" },
    })
  })

  test("is ok without a metric that may be missing, as long as another one is there", async () => {
    await using prometheus = fakePrometheus()
    const expression = "up == 0 or lost_total > 0"
    const { signal } = new AbortController()
    const alert = { prometheus: prometheus.url, expression, may_be_missing: ["lost_total"] }
    const status = async () => (await alertProbe(LAB, alert, { timeout_ms: 2_000, signal })).whole.status
    expect(await status()).toBe("unknown")
    prometheus.metrics.set("up", 1)
    expect(await status()).toBe("ok")
    prometheus.metrics.set("lost_total", STALE_AFTER_MS / 1_000 + 1)
    expect(await status()).toBe("unknown")
  })

  test("is violated by each series that it returns, also when one of its metrics is not there", async () => {
    await using prometheus = scraping([
      { labels: { instance: "a:2379", job: "x" }, value: "0.71234567" },
      { labels: { instance: "b:2379", job: "x", to: "a" }, value: "+Inf" },
    ])
    prometheus.metrics.clear()
    const { whole, parts } = await look(prometheus.url)
    expect(whole).toMatchObject({ status: "violated", reason: "2 series: a; b to=a" })
    expect([...parts!.keys()]).toEqual(["a", "b to=a"])
    expect(parts!.get("a")).toEqual({
      status: "violated",
      value: { labels: { instance: "a:2379", job: "x" }, value: 0.7123 },
      reason: "rate(slow_total[1m]) > 0.5: 0.7123",
    })
    const told = await look(prometheus.url, "{{ $labels.instance }} is slow")
    expect(told.parts!.get("b to=a")?.reason).toBe("{{ $labels.instance }} is slow: Infinity")
  })

  test("is itself violated by a series without labels", async () => {
    await using prometheus = scraping([{ labels: {}, value: "3" }])
    const { whole, parts } = await look(prometheus.url)
    expect(whole).toMatchObject({ status: "violated", reason: "rate(slow_total[1m]) > 0.5: 3" })
    expect(parts!.get(UNLABELLED)).toEqual(whole)
  })

  test("says nothing of a series that is NaN, and is unknown when there is no other", async () => {
    await using prometheus = scraping([{ labels: { instance: "a:1" }, value: "NaN" }])
    const blind = await look(prometheus.url)
    expect(blind.whole).toMatchObject({ status: "unknown", reason: "1 series without a number" })
    expect([...blind.parts!]).toEqual([["a", undefined]])
    prometheus.series.get(SLOW)!.push({ labels: { instance: "b:1" }, value: "2" })
    const seen = await look(prometheus.url)
    expect(seen.whole.status).toBe("violated")
    expect([...seen.parts!].map(([node, part]) => [node, part?.status])).toEqual([
      ["a", undefined],
      ["b", "violated"],
    ])
  })

  test("is unknown when Prometheus' samples or its clock are not of now", async () => {
    await using prometheus = scraping([{ labels: { instance: "a:1" }, value: "2" }])
    prometheus.metrics.set("slow_total", STALE_AFTER_MS / 1_000 + 1)
    expect(await look(prometheus.url)).toEqual({
      whole: { status: "unknown", value: null, reason: "Prometheus' newest sample of slow_total is 121 s old" },
    })
    prometheus.metrics.set("slow_total", 1)
    prometheus.instead = () => vector([{ labels: {}, value: "1" }], {}, Date.now() - 60_000)
    const { whole, parts } = await look(prometheus.url)
    expect(whole).toMatchObject({ status: "unknown", reason: expect.stringContaining("60 s away") })
    expect(parts).toBeUndefined()
  })

  test("is unknown, whatever goes wrong at Prometheus or on the way to it", async () => {
    await using prometheus = scraping([{ labels: { instance: "a:1" }, value: "2" }])
    const error = { status: "error", errorType: "bad_data", error: "unknown function" }
    const matrix = { status: "success", data: { resultType: "matrix", result: [] } }
    const scalar = { status: "success", data: { resultType: "scalar", result: [1, "1"] } }
    const odd = { status: "success", data: { resultType: "vector", result: [{ metric: { a: 1 } }] } }
    const answers: [() => Response, string][] = [
      [() => Response.json(error, { status: 400 }), "Prometheus says: unknown function"],
      [() => vector([], { warnings: ["remote read failed"] }), "Prometheus warns: remote read failed"],
      [() => Response.json(matrix), "a matrix"],
      [() => Response.json(scalar), "a scalar"],
      [() => Response.json(odd), "cannot be read"],
      [() => new Response("Bad Gateway", { status: 502 }), "Prometheus answered 502"],
      [() => new Response("<html>", { status: 200 }), "Prometheus answered 200 with something that is no result"],
      [() => new Response("x".repeat(2 * 1024 * 1024)), "longer than"],
    ]
    for (const [answer, reason] of answers) {
      prometheus.instead = answer
      const { whole, parts } = await look(prometheus.url)
      expect(whole).toMatchObject({ status: "unknown", reason: expect.stringContaining(reason) })
      expect(parts).toBeUndefined()
    }
    await using mute = await rawServer(() => {})
    const timedOut = await look(mute.url, undefined, { timeout_ms: 50 })
    expect(timedOut.whole).toMatchObject({ status: "unknown", reason: "Prometheus gave no answer within 50 ms" })
    const gone = await rawServer(() => {})
    await gone[Symbol.asyncDispose]()
    expect((await look(gone.url)).whole).toMatchObject({ status: "unknown", reason: "Prometheus connection refused" })
    const down = { ...LAB, resolve: () => undefined }
    const signal = new AbortController().signal
    const asked = { prometheus: "http://prometheus:9090", expression: SLOW }
    const { whole } = await alertProbe(down, asked, { timeout_ms: 2_000, signal })
    expect(whole).toMatchObject({ status: "unknown", reason: "Prometheus is not running" })
  })

  test("is not put off by what Prometheus remarks on the expression", async () => {
    await using prometheus = scraping()
    const remarks = { warnings: ["PromQL info: metric might not be a counter"], infos: ["PromQL info: the same"] }
    prometheus.instead = (query) =>
      vector(query === SLOW ? [] : [{ labels: { metric: "slow_total" }, value: "1" }], remarks)
    expect((await look(prometheus.url)).whole.status).toBe("ok")
  })
})

describe("the name of a series", () => {
  const name = (labels: Record<string, string>) => labelOfSeries(labels, ["a", "b"])

  test("is its node, without a service's port, and what else tells it from others", () => {
    expect(name({ __name__: "up", instance: "a:2379", job: "etcd" })).toBe("a")
    expect(name({ instance: "10.0.0.1:2379", method: "Put", a: "1" })).toBe("10.0.0.1:2379 a=1,method=Put")
    expect(name({ service: "b", instance: "a:1" })).toBe("a service=b")
    expect(name({ type: "x" })).toBe("type=x")
    expect(name({ __name__: "up", job: "x" })).toBeUndefined()
  })

  test("stays short, and different for different labels", () => {
    const long = name({ instance: "a:1", path: "x".repeat(300) })!
    expect(long.length).toBeLessThanOrEqual(100)
    expect(long).not.toBe(name({ instance: "a:1", path: "x".repeat(301) })!)
  })
})
