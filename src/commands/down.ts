import { healLab } from "../chaos/heal.ts"
import { waitUntil } from "../lib/clock.ts"
import { defineCommand } from "../lib/command.ts"
import { UsageError } from "../lib/errors.ts"
import { note, print, printJson } from "../lib/output.ts"
import { signal } from "../lib/process.ts"
import { refuseAdopted } from "../lab/adopt.ts"
import { openLabToDestroy } from "../lab/open.ts"
import { getLab, guardianOf, livingLabs } from "../store/labs.ts"
import { openExistingStore, storeFile } from "../store/open.ts"
import { whichLab } from "./which-lab.ts"

/** A guardian takes a lab down in less than two seconds, a large one with Docker in some more; after this the command does it itself. */
const GUARDIAN_WITHIN_MS = 15_000
const LOOK_EVERY_MS = 20

export default defineCommand({
  about:
    "Takes labs down: what is broken in them is reverted, their processes and containers are ended, their folders removed.",
  examples: ["operator down ratelimiter-7f3a", "operator down --all"],
  args: {
    lab: { type: "positional", required: false, complete: "lab", description: "a lab, or the beginning of its id" },
    all: { type: "boolean", description: "every lab that was brought up by hand, and none that was adopted" },
  },
  run: async ({ args }) => {
    if ((args.lab === undefined) === !args.all)
      throw new UsageError("name one lab, or --all", { hint: "operator labs shows them" })
    const store = openExistingStore(storeFile(args.db))
    const living = livingLabs(store)
    const rows =
      args.lab === undefined
        ? living.filter(({ trial, adopted }) => trial === null && adopted === null)
        : [whichLab(store, args.lab)]
    for (const row of rows) {
      refuseAdopted(row, "it is not taken down")
      if (row.trial !== null) {
        throw new UsageError(`${row.id} belongs to the running trial ${row.trial}`, {
          hint: "interrupt the campaign with Ctrl-C; it heals its labs",
        })
      }
      const guardian = guardianOf(row)
      if (guardian) signal(guardian, "SIGTERM")
      const gone = () => getLab(store, row.id)?.state === "destroyed"
      const done =
        guardian !== undefined && (await waitUntil(gone, { timeout_ms: GUARDIAN_WITHIN_MS, every_ms: LOOK_EVERY_MS }))
      if (!done) await healLab(store, await openLabToDestroy(store, row), { by: "down", reason: "it was taken down" })
    }
    store.close()
    if (args.json) return printJson(rows.map(({ id }) => id))
    for (const { id } of rows) print(id)
    if (rows.length > 0) return
    const adopted = living.filter((row) => row.adopted !== null).map(({ id }) => id)
    if (adopted.length === 0) return note("no lab is up")
    note(`no lab of ours is up; operator adopt --release LAB lets go of an adopted one: ${adopted.join(", ")}`)
  },
})
