import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { waitUntil } from "../src/lib/clock.ts"
import type { Subject } from "../src/lab/subject.ts"
import { alertProbe, UNLABELLED } from "../src/monitor/probes/alert.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { docker, hasPrometheus, type RealPrometheus, startPrometheus } from "./support/real-prometheus.ts"

setDefaultTimeout(60_000)

const isThere = hasPrometheus()

test.skipIf(WITHOUT_ENGINE || !Bun.env.CI)("an image of Prometheus is there in CI", () => expect(isThere).toBe(true))

/** It scrapes itself, and an address at which nobody listens. */
const configuration = (address: string) => `
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: self
    static_configs: [{ targets: ["${address}"], labels: { instance: "self:9090" } }]
  - job_name: nobody
    static_configs: [{ targets: ["127.0.0.1:1"], labels: { instance: "nobody:1" } }]`

describe.if(isThere)("a real Prometheus", () => {
  let server: RealPrometheus | undefined
  const look = (expression: string) => {
    const { signal } = new AbortController()
    const lab = { subject: { services: ["self", "nobody"] } as unknown as Subject, resolve: (url: string) => url }
    return alertProbe(lab, { prometheus: server!.url, expression }, { timeout_ms: 2_000, signal })
  }
  const status = async (expression: string) => (await look(expression)).whole.status

  beforeAll(async () => {
    server = startPrometheus(configuration)
    const scraped = async () =>
      (await status("count(up) == 2")) === "violated" && (await status("prometheus_build_info == 7")) === "ok"
    expect(await waitUntil(scraped, { timeout_ms: 30_000, every_ms: 200 })).toBe(true)
  })
  afterAll(() => server?.[Symbol.dispose]())

  test("says ok, violated by its series, and unknown where it has no such metric", async () => {
    expect(await status('up{job="self"} == 0')).toBe("ok")
    const { whole, parts } = await look("up == 0")
    expect(whole).toMatchObject({ status: "violated", reason: "1 series: nobody" })
    expect(parts!.get("nobody")).toMatchObject({
      status: "violated",
      value: { labels: { __name__: "up", instance: "nobody:1", job: "nobody" }, value: 0 },
      reason: "up == 0: 0",
    })
    expect((await look("up > 1 or no_such_metric > 1")).whole).toMatchObject({
      status: "unknown",
      reason: "Prometheus has no series of no_such_metric",
    })
    expect((await look("count(up) > 1")).parts!.get(UNLABELLED)).toMatchObject({ reason: "count(up) > 1: 2" })
  })

  test("answers the expressions that vendors write", async () => {
    const requests = "prometheus_http_request_duration_seconds_bucket"
    expect(await status(`histogram_quantile(0.99, sum by (le, instance) (rate(${requests}[1m]))) > 1e3`)).toBe("ok")
    expect(await status("increase(max by (job) (process_start_time_seconds)[15m:1m]) < 0")).toBe("ok")
    expect(await status("changes(process_start_time_seconds{job=~`self`}[5m]) > 0 # restarts")).toBe("ok")
  })

  test("makes it unknown with NaN, errors and answers without series", async () => {
    const numberless = await look("up * NaN")
    expect(numberless.whole).toMatchObject({ status: "unknown", reason: "2 series without a number" })
    expect((await look("up == ")).whole.reason).toContain("Prometheus says: ")
    expect((await look("rate(up)")).whole.reason).toContain("Prometheus says: ")
    expect((await look("scalar(up)")).whole.reason).toBe("Prometheus answered with a scalar, which has no series")
    expect((await look("up[5m]")).whole.reason).toBe("Prometheus answered with a matrix, which has no series")
  })

  test("that hangs makes it unknown, until it goes on", async () => {
    expect(docker("pause", server!.container).success).toBe(true)
    try {
      expect((await look("up == 0")).whole).toMatchObject({
        status: "unknown",
        reason: "Prometheus gave no answer within 2000 ms",
      })
    } finally {
      docker("unpause", server!.container)
    }
    expect(await status("up == 0")).toBe("violated")
  })
})
