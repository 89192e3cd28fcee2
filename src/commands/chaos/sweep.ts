import { sweep } from "../../chaos/heal.ts"
import { defineCommand } from "../../lib/command.ts"
import { OperatorError } from "../../lib/errors.ts"
import { note, print, printJson } from "../../lib/output.ts"
import { openExistingStore, storeFile } from "../../store/open.ts"
import { noteTidied } from "../sweep-at-start.ts"

export default defineCommand({
  about:
    "Heals and removes the labs that nobody answers for any more: their owner and their guardian are both dead. Of an adopted lab it removes the kitchen of a killed agent, and nothing else.",
  examples: ["operator chaos sweep", "operator chaos sweep --force"],
  args: {
    force: {
      type: "boolean",
      description: "every lab of this store, also those that are in use; never an adopted one",
    },
  },
  run: async ({ args }) => {
    const store = openExistingStore(storeFile(args.db))
    const { healed, tidied, unseen, failures } = await sweep(store, { force: args.force === true })
    store.close()
    noteTidied(tidied)
    if (args.json) return printJson(healed.map(({ id }) => id))
    for (const { id } of healed) print(id)
    if (healed.length + tidied.length === 0) note("nothing to sweep")
    if (unseen !== undefined) failures.push(`what was left beside adopted labs: ${unseen}`)
    if (failures.length > 0) throw new OperatorError(`labs could not be healed: ${failures.join("; ")}`)
  },
})
