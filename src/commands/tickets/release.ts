import { defineCommand } from "../../lib/command.ts"
import { openExistingStore, storeFile } from "../../store/open.ts"
import { releaseTicket } from "../../store/tickets.ts"
import { showSettled } from "./settled.ts"
import { whichTicket } from "./which-ticket.ts"

export default defineCommand({
  about: "Gives a ticket that is held, or was escalated, back to the agents. Its lab may be tried again.",
  examples: ["operator tickets release t-3f9a"],
  args: {
    ticket: { type: "positional", complete: "ticket", description: "a ticket, or the beginning of its id" },
  },
  run: ({ args }) => {
    const store = openExistingStore(storeFile(args.db))
    const ticket = whichTicket(store, args.ticket)
    releaseTicket(store, ticket.id)
    showSettled(store, ticket.id, args.json === true)
    store.close()
  },
})
