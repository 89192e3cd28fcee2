import { runTrial } from "../../campaign/trial.ts"
import { ownerGone } from "../../lab/workload/process.ts"
import { defineCommand } from "../../lib/command.ts"
import { openStore, storeFile } from "../../store/open.ts"

/** Runs one attempt at a trial to its end. A signal interrupts it, and its lab is healed. */
export default defineCommand({
  args: { trial: { type: "string", required: true, description: "the attempt's id" } },
  run: async ({ args }) => {
    const interruption = new AbortController()
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.abort())
    void ownerGone().then(() => interruption.abort())
    const store = openStore(storeFile(args.db))
    await runTrial(store, args.trial, interruption.signal)
    store.close()
    return interruption.signal.aborted ? 130 : 0
  },
})
