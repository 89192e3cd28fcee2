import { defineCommand } from "../../lib/command.ts"
import { openLab } from "../../lab/open.ts"
import { holdLifeline } from "../../lib/lifeline.ts"
import { runWorkload } from "../../lab/workload/run.ts"
import { append } from "../../store/events.ts"
import { getLab } from "../../store/labs.ts"
import { openStore, storeFile } from "../../store/open.ts"

/** Loads one lab until it is told to stop (TERM), or its owner is gone. */
export default defineCommand({
  args: {
    lab: { type: "string", required: true, description: "the lab to load" },
    "outlives-owner": { type: "boolean", description: "ends with the lab alone" },
  },
  run: async ({ args }) => {
    const stop = new AbortController()
    process.on("SIGTERM", () => stop.abort("stopped"))
    if (!args["outlives-owner"]) void holdLifeline().then(() => stop.abort("its owner is gone"))
    const store = openStore(storeFile(args.db))
    const row = getLab(store, args.lab)
    if (!row) throw new Error(`the store does not know ${args.lab}`)
    const lab = await openLab(store, row)
    append(store, lab.id, "workload.started", { pid: process.pid, rate_per_s: lab.subject.workload?.rate ?? 0 })
    // A node may have another address after a restart, which a lab learns from what it hears.
    const deaf = lab.watchNodes(() => undefined)
    await runWorkload(store, lab, { signal: stop.signal })
    deaf()
    append(store, lab.id, "workload.ended", { reason: String(stop.signal.reason) })
    store.close()
  },
})
