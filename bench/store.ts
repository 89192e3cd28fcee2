import { join } from "node:path"
import { append } from "../src/store/events.ts"
import { openStore, type Store } from "../src/store/open.ts"
import { recordLab } from "../test/support/stored-lab.ts"
import type { Benchmark, Measured } from "./measure.ts"

const EVENTS = 10_000
const DURABLE_EVENTS = 500
const PROCESSES = 8
const EVENTS_EACH = 1_000
/** A quick run appends so many times fewer. */
const QUICK = 5

/** What it costs to append an event: alone, so that it survives a power cut, and while others do the same. */
export const store: Benchmark = {
  name: "store",
  run: async ({ dir }, { quick }) => {
    const file = join(dir, "store.db")
    const less = quick ? QUICK : 1
    const opened = openStore(file)
    const lab = recordLab(opened, "store-1")
    const alone = appendMany(opened, lab, EVENTS / less, { durable: false })
    const durable = appendMany(opened, lab, DURABLE_EVENTS / less, { durable: true })
    opened.close()
    const together = await appendTogether(file, lab, EVENTS_EACH / less)
    return [
      named("append an event", alone),
      named("append an event, durable", durable),
      named(`append an event, one of ${PROCESSES} processes`, together),
    ]
  },
}

// internal

interface Appended {
  samples: number[]
  took_ms: number
}

interface Report extends Omit<Appended, "took_ms"> {
  start_ms: number
  end_ms: number
}

function named(name: string, { samples, took_ms }: Appended): Measured {
  const per_second = Math.round((samples.length / took_ms) * 1_000)
  return { name, unit: "µs", samples, note: `${per_second.toLocaleString("en-US")} events/s` }
}

function appendMany(store: Store, lab: string, events: number, options: { durable: boolean }): Appended {
  const samples: number[] = []
  const start_ms = performance.now()
  for (let n = 0; n < events; n++) {
    const before_ms = performance.now()
    append(store, lab, "node", { node: "a", state: "running", pid: n }, options)
    samples.push((performance.now() - before_ms) * 1_000)
  }
  return { samples, took_ms: performance.now() - start_ms }
}

/** The processes are all there before the first of them begins. */
async function appendTogether(file: string, lab: string, events: number): Promise<Appended> {
  const workers = Array.from({ length: PROCESSES }, () => startWorker(file, lab, events))
  await Promise.all(workers.map(({ ready }) => ready))
  for (const { begin } of workers) begin()
  const reports = await Promise.all(workers.map(({ report }) => report))
  const start_ms = Math.min(...reports.map((report) => report.start_ms))
  const end_ms = Math.max(...reports.map((report) => report.end_ms))
  return { samples: reports.flatMap(({ samples }) => samples), took_ms: end_ms - start_ms }
}

/** Far more than the slowest disk needs. */
const WORKER_TIMEOUT_MS = 60_000

function startWorker(file: string, lab: string, events: number) {
  const ready = Promise.withResolvers<void>()
  const report = Promise.withResolvers<Report>()
  const command = [process.execPath, join(import.meta.dir, "append-worker.ts"), file, lab, String(events)]
  const child = Bun.spawn(command, {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: WORKER_TIMEOUT_MS,
    killSignal: "SIGKILL",
    serialization: "json",
    ipc: (message: unknown) => (message === "ready" ? ready.resolve() : report.resolve(message as Report)),
    onExit: () => {
      const early = new Error("a process ended before it had appended all its events")
      ready.reject(early)
      report.reject(early)
    },
  })
  return { ready: ready.promise, report: report.promise, begin: () => child.send("begin") }
}
