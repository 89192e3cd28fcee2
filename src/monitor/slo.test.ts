import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fakeClock } from "../../test/support/fake-clock.ts"
import { operatorBlock, type Workload } from "../lab/subject.ts"
import { emptyHistogram, record } from "../lib/histogram.ts"
import { createLab } from "../store/labs.ts"
import { openStore } from "../store/open.ts"
import { recordSamples, type Sample } from "../store/samples.ts"
import { keepText } from "../store/texts.ts"
import { judgeSecond, sloTarget } from "./slo.ts"

const SLO = { success: 0.99, p99: 500 }

function sample(change: Partial<Sample> & { latencies_ms?: number[] }): Sample {
  const { latencies_ms = [10], ...numbers } = change
  const histogram = emptyHistogram()
  for (const latency_ms of latencies_ms) record(histogram, latency_ms)
  return {
    operation: "write",
    second: 0,
    scheduled: 100,
    sent: 100,
    ok: 100,
    failed: 0,
    lag_ms: 0,
    histogram,
    ...numbers,
  }
}

describe("a second of the workload", () => {
  test("is ok while enough requests succeed fast enough", () => {
    expect(judgeSecond(sample({ ok: 99, failed: 1 }), SLO).status).toBe("ok")
  })

  test("is violated when too few succeed, also when they could not be sent", () => {
    expect(judgeSecond(sample({ ok: 98, failed: 2 }), SLO)).toMatchObject({
      status: "violated",
      reason: "98 of 100 requests succeeded",
    })
    expect(judgeSecond(sample({ sent: 0, ok: 0, failed: 100, latencies_ms: [] }), SLO).status).toBe("violated")
  })

  test("is violated when p99 is too long", () => {
    const seen = judgeSecond(sample({ latencies_ms: [10, 10, 900] }), SLO)
    expect(seen).toMatchObject({ status: "violated", reason: expect.stringContaining("more than 500 ms") })
  })

  test("is unknown when the generator itself was late, whatever it measured", () => {
    expect(judgeSecond(sample({ lag_ms: 501, ok: 0, failed: 100 }), SLO).status).toBe("unknown")
    expect(judgeSecond(sample({ lag_ms: 500 }), SLO).status).toBe("ok")
  })
})

describe("the gate `slo`", () => {
  test("observes each finished second once, in order", async () => {
    using lab = sloLab()
    const start = lab.second()
    expect(await lab.look()).toBeUndefined()
    lab.record(sample({ second: start, ok: 0, failed: 100 }), sample({ second: start + 1 }))
    expect((await lab.look())?.status).toBe("violated")
    expect((await lab.look())?.status).toBe("ok")
    expect(await lab.look()).toBeUndefined()
  })

  test("judges all operations of a second together", async () => {
    using lab = sloLab()
    const second = lab.second()
    lab.record(sample({ second, scheduled: 900, ok: 900 }), sample({ second, operation: "read", ok: 95, failed: 5 }))
    expect((await lab.look())?.status).toBe("ok")
  })

  test("passes over what an earlier workload left, and over seconds in which nothing was due", async () => {
    using lab = sloLab()
    const second = lab.second()
    lab.record(
      sample({ second: second - 1, ok: 0 }),
      sample({ second, scheduled: 0, sent: 0, ok: 0, latencies_ms: [] }),
    )
    expect(await lab.look()).toBeUndefined()
  })

  test("is unknown once a sample is more than three seconds overdue, until one comes", async () => {
    using lab = sloLab()
    const second = lab.second()
    lab.clock.advance(1_000 + 1_000 + 2_999)
    expect(await lab.look()).toBeUndefined()
    lab.clock.advance(1_000)
    expect((await lab.look())?.status).toBe("unknown")
    lab.record(sample({ second: second + 5 }))
    expect((await lab.look())?.status).toBe("ok")
  })
})

function sloLab() {
  const dir = mkdtempSync(join(tmpdir(), "slo-"))
  const clock = fakeClock()
  const store = openStore(join(dir, "operator.db"), clock)
  const subject_text = keepText(store, "subject", "s", "")
  const times = { deadline_at: clock.now().toISOString() }
  createLab(store, { id: "s-1", subject: "s", subject_text, platform: "process", dir, trial: null, ...times })
  const target = sloTarget(store, "s-1", WORKLOAD)
  return {
    clock,
    second: () => Math.floor(clock.mono_ms() / 1_000),
    record: (...samples: Sample[]) => recordSamples(store, "s-1", samples),
    look: () => target.look(new AbortController().signal),
    [Symbol.dispose]: () => {
      store.close()
      rmSync(dir, { recursive: true })
    },
  }
}

const WORKLOAD = operatorBlock.parse({
  workload: { rate: "20/s", write: { http: "http://s/" }, slo: { success: 0.99, p99: "500ms" } },
}).workload as Workload
