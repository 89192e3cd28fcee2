import { append } from "../src/store/events.ts"
import { openStore } from "../src/store/open.ts"

/** One of the processes that append to a store at once: FILE LAB EVENTS. Begins when it is told to, by any message. */
const [file, lab, events] = process.argv.slice(2)
if (file === undefined || lab === undefined) throw new Error("a store and a lab are needed")

const store = openStore(file)
process.once("message", () => {
  const samples: number[] = []
  const start_ms = store.clock.mono_ms()
  for (let n = 0; n < Number(events); n++) {
    const before_ms = performance.now()
    append(store, lab, "node", { node: "a", state: "running", pid: n })
    samples.push((performance.now() - before_ms) * 1_000)
  }
  process.send?.({ start_ms, end_ms: store.clock.mono_ms(), samples })
  store.close()
  process.disconnect?.()
})
process.send?.("ready")
