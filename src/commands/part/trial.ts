import { GO } from "../../campaign/attempt.ts"
import { runTrial } from "../../campaign/trial.ts"
import { defineCommand } from "../../lib/command.ts"
import { holdLifeline } from "../../lib/lifeline.ts"
import { openStore, storeFile } from "../../store/open.ts"

/**
 * Runs one attempt at a trial to its end. It is parked at *ready* until its owner says "go". A signal, or the owner's death,
 * interrupts it, and its lab is healed.
 */
export default defineCommand({
  args: { trial: { type: "string", required: true, description: "the attempt's id" } },
  run: async ({ args }) => {
    const interruption = new AbortController()
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.abort())
    let released = false
    const ownerGone = holdLifeline((word) => {
      if (word === GO) released = true
    })
    void ownerGone.then(() => interruption.abort())
    const store = openStore(storeFile(args.db))
    await runTrial(store, args.trial, { released: () => released, signal: interruption.signal })
    store.close()
    return interruption.signal.aborted ? 130 : 0
  },
})
