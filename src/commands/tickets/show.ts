import { defineCommand } from "../../lib/command.ts"
import { print, printJson, safeText } from "../../lib/output.ts"
import { openStoreReadOnly, storeFile } from "../../store/open.ts"
import { whichTicket } from "./which-ticket.ts"

export default defineCommand({
  about: "One ticket with what was observed.",
  examples: ["operator tickets show t-3f9a"],
  args: { ticket: { type: "positional", complete: "ticket", description: "a ticket, or the beginning of its id" } },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const ticket = whichTicket(store, args.ticket)
    store.close()
    if (args.json) return printJson(ticket)
    for (const [name, value] of Object.entries(ticket)) {
      if (value === null || value === "") continue
      print(`${name.padEnd(12)} ${safeText(typeof value === "object" ? JSON.stringify(value) : String(value))}`)
    }
  },
})
