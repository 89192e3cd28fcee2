import { join } from "node:path"
import { append } from "../src/store/events.ts"
import { openStore } from "../src/store/open.ts"
import { recordLab } from "../test/support/stored-lab.ts"
import type { Benchmark } from "./measure.ts"

const EVENTS = 10_000
const RUNS = 10
const QUICK_RUNS = 3
const LAB = "audit-1"
const LISTED_EVENTS = 100_000
const LIST_RUNS = 10

/** The whole timeline of a long log, chain checked, through a pipe. */
export const audit: Benchmark = {
  name: "audit",
  run: async (home, { quick }) => {
    const file = join(home.dir, "audit.db")
    fill(file)
    const samples: number[] = []
    while (samples.length < (quick ? QUICK_RUNS : RUNS)) {
      const start_ms = performance.now()
      const story = await home.run("audit", "show", LAB, "--db", file)
      samples.push(performance.now() - start_ms)
      if (!story.includes(`command ${EVENTS / 2}`)) throw new Error("the end of the story is missing")
    }
    const listing: number[] = []
    fillTo(file, LISTED_EVENTS)
    while (listing.length < LIST_RUNS) {
      const start_ms = performance.now()
      await home.run("audit", "list", "--db", file)
      listing.push(performance.now() - start_ms)
    }
    return [
      { name: `operator audit show, ${EVENTS.toLocaleString("en-US")} events`, unit: "ms", samples },
      {
        name: `operator audit list, ${LISTED_EVENTS.toLocaleString("en-US")} events`,
        unit: "ms",
        samples: listing,
        target: { of: "median", at_most: 30 },
      },
    ]
  },
}

// internal

const RESULT = { exit_code: 0, signal: null, ended_by: "exit", duration_ms: 12, output_bytes: 240 }

/** Adds labs with logs of their own until the store holds so many events. */
function fillTo(file: string, count: number): void {
  const store = openStore(file)
  store.write(() => {
    for (let lab = 1; lab * EVENTS < count; lab++) {
      const id = recordLab(store, `more-${lab}`)
      for (let n = 0; n < EVENTS; n++) append(store, id, "ticket.released", { ticket: `t-${n}` })
    }
  })
  store.close()
}

/** A log of commands and their results, written in one transaction: how fast is another benchmark's question. */
function fill(file: string): void {
  const store = openStore(file)
  const lab = recordLab(store, LAB)
  store.write(() => {
    for (let step = 1; step <= EVENTS / 2; step++) {
      const call = `call-${step}`
      append(store, lab, "command", { step, call, command: "cat limiter-a/log | tail -n 4", reasoning: "see its log" })
      append(store, lab, "result", {
        step,
        call,
        ...RESULT,
        shown: "2026-01-28 a line of a log with a request in it\n".repeat(4),
      })
    }
  })
  store.close()
}
