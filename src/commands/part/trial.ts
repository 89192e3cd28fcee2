import { GO } from "../../campaign/attempt.ts"
import { runTrial } from "../../campaign/trial.ts"
import { defineCommand } from "../../lib/command.ts"
import { interruption } from "../../lib/interruption.ts"
import { holdLifeline } from "../../lib/lifeline.ts"
import { openStore, storeFile } from "../../store/open.ts"

/**
 * Runs one attempt at a trial to its end. It is parked at *ready* until its owner says "go". A signal, or the owner's death,
 * interrupts it, and its lab is healed.
 */
export default defineCommand({
  args: { trial: { type: "string", required: true, description: "the attempt's id" } },
  run: async ({ args }) => {
    const orphaned = new AbortController()
    const signal = AbortSignal.any([interruption(), orphaned.signal])
    let released = false
    const ownerGone = holdLifeline((word) => {
      if (word === GO) released = true
    })
    void ownerGone.then(() => orphaned.abort())
    const store = openStore(storeFile(args.db))
    await runTrial(store, args.trial, { released: () => released, signal })
    store.close()
    return signal.aborted ? 130 : 0
  },
})
