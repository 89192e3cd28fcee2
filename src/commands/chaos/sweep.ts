import { sweep } from "../../chaos/heal.ts"
import { defineCommand } from "../../lib/command.ts"
import { note, print, printJson } from "../../lib/output.ts"
import { openExistingStore, storeFile } from "../../store/open.ts"

export default defineCommand({
  about: "Heals and removes the labs that nobody answers for any more: their owner and their guardian are both dead.",
  examples: ["operator chaos sweep", "operator chaos sweep --force"],
  args: { force: { type: "boolean", description: "every lab of this store, also those that are in use" } },
  run: async ({ args }) => {
    const store = openExistingStore(storeFile(args.db))
    const swept = await sweep(store, { force: args.force === true })
    store.close()
    if (args.json) return printJson(swept.map(({ id }) => id))
    for (const { id } of swept) print(id)
    if (swept.length === 0) note("nothing to sweep")
  },
})
